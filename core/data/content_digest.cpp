#include "core/data/content_digest.h"

#include <span>

namespace trainyard {
namespace {

template <typename T>
void Add(std::span<const T> values, Sha256& hash) {
  hash.Update(std::span<const std::uint8_t>(reinterpret_cast<const std::uint8_t*>(values.data()),
                                            values.size_bytes()));
}

}  // namespace

void BeginContentDigest(Task task, std::int64_t rows, int features, FeatureType type,
                        int target_count, Sha256& hash) {
  hash.Update("trainyard dataset 1\n");
  hash.Update(task == Task::kClassification ? "task=classification\n" : "task=regression\n");
  hash.Update("rows=" + std::to_string(rows) + "\n");
  hash.Update("features=" + std::to_string(features) + "\n");
  hash.Update(type == FeatureType::kUint8 ? "feature_type=u1\n" : "feature_type=f4\n");
  hash.Update("target_columns=" + std::to_string(target_count) + "\n");
}

std::string ContentDigestOf(const Dataset& dataset) {
  Sha256 hash;
  BeginContentDigest(dataset.task(), dataset.rows(), dataset.features(), dataset.feature_type(),
                     dataset.target_count(), hash);
  for (std::int64_t row = 0; row < dataset.rows(); ++row) {
    if (dataset.feature_type() == FeatureType::kUint8) {
      Add(dataset.BytesOf(row), hash);
    } else {
      Add(dataset.FloatsOf(row), hash);
    }
  }
  if (dataset.task() == Task::kClassification) {
    Add(dataset.labels(), hash);
  } else {
    Add(dataset.targets(), hash);
  }
  return hash.HexDigest();
}

}  // namespace trainyard

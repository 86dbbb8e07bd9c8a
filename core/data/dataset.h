// A stored dataset: two memory-mapped .npy files and what is known of them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace trainyard {

enum class Task { kClassification, kRegression };

// How features are stored.
enum class FeatureType { kUint8, kFloat32 };

// What the input scaling "auto" means for a dataset.
enum class AutoScaling { kNone, kDivideBy255 };

// What is known of a dataset once it is stored.
struct DatasetInfo {
  Task task = Task::kClassification;
  std::int64_t rows = 0;
  int features = 0;
  // 0 x 0 where a row is no image.
  int image_height = 0;
  int image_width = 0;
  // 0 for regression.
  int class_count = 0;
  // class_count entries.
  std::vector<std::int64_t> label_histogram;
  // 0 for classification.
  int target_count = 0;
  FeatureType feature_type = FeatureType::kFloat32;
  AutoScaling auto_scaling = AutoScaling::kNone;
  // Lower-case hexadecimal SHA-256 of the content (DatasetWriter says of what).
  std::string digest;
  std::int64_t size_bytes = 0;
};

// Rows of a dataset, read-only and memory-mapped, so that all workers on a
// machine share one copy. Copies are cheap and share the mapping. Any thread
// may read.
class Dataset {
 public:
  // Opens `features.npy` (rows x features, |u1 or <f4) and `targets.npy` (rows,
  // <i4 for classification; rows x targets, <f4 for regression) in `folder`.
  // Errors: NOT_FOUND; DATA_LOSS where a file is not what we wrote.
  static absl::StatusOr<Dataset> Open(const std::filesystem::path& folder);

  Task task() const;
  std::int64_t rows() const;
  int features() const;
  FeatureType feature_type() const;
  // 0 for classification.
  int target_count() const;

  // The row's raw features; the one for feature_type() is valid.
  std::span<const std::uint8_t> BytesOf(std::int64_t row) const;
  std::span<const float> FloatsOf(std::int64_t row) const;
  // Copies the row's raw features to `out`, features() long, as floats.
  void CopyRow(std::int64_t row, std::span<float> out) const;

  // Classification: the label of each row.
  std::span<const std::int32_t> labels() const;
  // Regression: rows() x target_count(), row-major.
  std::span<const float> targets() const;

 private:
  struct Mapping;
  explicit Dataset(std::shared_ptr<const Mapping> mapping);
  std::shared_ptr<const Mapping> mapping_;
};

}  // namespace trainyard

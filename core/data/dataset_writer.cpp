#include "core/data/dataset_writer.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "core/base/error.h"
#include "core/base/file.h"
#include "core/data/byte_source.h"
#include "core/data/content_digest.h"
#include "core/data/input_error.h"
#include "core/data/npy.h"

namespace trainyard {
namespace {

constexpr int kSmallestImageSide = 8;
// Integers up to here are more likely counts or codes than pixels.
constexpr int kLargestUnscaled = 127;

std::span<const std::uint8_t> AsBytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

template <typename T>
std::span<const std::uint8_t> AsBytes(std::span<const T> values) {
  return {reinterpret_cast<const std::uint8_t*>(values.data()), values.size_bytes()};
}

// The side of a square image with this many pixels, 0 where there is none.
int SquareSide(int features) {
  int side = kSmallestImageSide;
  while (side * side < features) ++side;
  return side * side == features ? side : 0;
}

absl::Status CheckStop(const std::stop_token& stop) {
  if (!stop.stop_requested()) return absl::OkStatus();
  return MakeError(absl::StatusCode::kCancelled, {"STOPPED", "", {}}, "the work was stopped");
}

// Feeds what follows the header of a file of ours to `consume`.
template <typename Consume>
absl::Status ForEachBlock(const std::filesystem::path& path, const std::stop_token& stop,
                          Consume consume) {
  auto source = OpenFileSource(path);
  if (!source.ok()) return source.status();
  std::vector<std::uint8_t> block(std::size_t{1} << 18);
  auto skip = static_cast<std::size_t>(kNpyHeaderBytes);
  for (;;) {
    if (absl::Status status = CheckStop(stop); !status.ok()) return status;
    const absl::StatusOr<std::size_t> size = (*source)->Read(block);
    if (!size.ok()) return size.status();
    if (*size == 0) return absl::OkStatus();
    const std::size_t skipped = std::min(skip, *size);
    skip -= skipped;
    const std::span<const std::uint8_t> bytes(block.data() + skipped, *size - skipped);
    if (absl::Status status = consume(bytes); !status.ok()) return status;
  }
}

absl::StatusOr<std::unique_ptr<FileWriter>> CreateArray(const std::filesystem::path& path) {
  auto writer = FileWriter::Create(path);
  if (!writer.ok()) return writer;
  // Room for the header, which needs the number of rows.
  const std::string placeholder(static_cast<std::size_t>(kNpyHeaderBytes), '\0');
  if (absl::Status status = (*writer)->Write(AsBytes(placeholder)); !status.ok()) return status;
  return writer;
}

}  // namespace

struct DatasetWriter::State {
  std::filesystem::path features_path() const { return folder / "features.npy"; }
  std::filesystem::path targets_path() const { return folder / "targets.npy"; }
  bool is_classification() const { return layout.task == Task::kClassification; }
  std::int64_t TargetBytes() const {
    return is_classification() ? 4 : std::int64_t{4} * layout.target_count;
  }

  absl::Status CheckMayWrite(std::int64_t row_count, FeatureType stored_as) const;
  absl::Status Promote();
  absl::Status WriteHeaders();
  absl::StatusOr<std::string> Digest() const;
  void DescribeImage(const DatasetTraits& traits, DatasetInfo& info) const;

  std::filesystem::path folder;
  DatasetLayout layout;
  std::unique_ptr<FileWriter> features;
  std::unique_ptr<FileWriter> targets;
  FeatureType type = FeatureType::kUint8;
  std::int64_t rows = 0;
  std::int64_t target_rows = 0;
  int largest_byte = 0;
  std::vector<std::int64_t> histogram;
  // Of one row, for conversions.
  std::vector<std::uint8_t> byte_row;
  std::vector<float> float_row;
};

absl::Status DatasetWriter::State::CheckMayWrite(std::int64_t row_count,
                                                 FeatureType stored_as) const {
  if (absl::Status status = CheckStop(layout.stop); !status.ok()) return status;
  if (row_count > layout.max_rows) {
    return LimitError("TOO_MANY_ROWS", {}, layout.max_rows,
                      "the data has more than " + std::to_string(layout.max_rows) +
                          " rows, the most that are accepted");
  }
  const std::int64_t value_bytes = stored_as == FeatureType::kUint8 ? 1 : 4;
  const std::int64_t row_bytes = value_bytes * layout.features + TargetBytes();
  if (row_count <= (layout.max_stored_bytes - 2 * kNpyHeaderBytes) / row_bytes) {
    return absl::OkStatus();
  }
  return LimitError("STORED_TOO_LARGE", {}, layout.max_stored_bytes,
                    "stored, the data would take more than " +
                        std::to_string(layout.max_stored_bytes) +
                        " bytes, the most that are accepted");
}

// From bytes to floats, by way of a second file.
absl::Status DatasetWriter::State::Promote() {
  if (absl::Status status = CheckMayWrite(rows, FeatureType::kFloat32); !status.ok()) return status;
  if (absl::Status status = features->Flush(); !status.ok()) return status;
  const std::filesystem::path path = folder / "features.npy.tmp";
  auto promoted = CreateArray(path);
  if (!promoted.ok()) return promoted.status();
  std::vector<float> floats;
  absl::Status copied =
      ForEachBlock(features_path(), layout.stop, [&](std::span<const std::uint8_t> bytes) {
        floats.assign(bytes.begin(), bytes.end());
        return (*promoted)->Write(AsBytes(std::span<const float>(floats)));
      });
  if (!copied.ok()) return copied;
  std::error_code error;
  std::filesystem::rename(path, features_path(), error);
  if (error) return SystemError(error.value(), "rename", path.native());
  features = *std::move(promoted);
  type = FeatureType::kFloat32;
  return absl::OkStatus();
}

absl::Status DatasetWriter::State::WriteHeaders() {
  const std::vector<std::int64_t> feature_shape = {rows, layout.features};
  const std::string feature_header =
      MakeNpyHeader(type == FeatureType::kUint8 ? "|u1" : "<f4", feature_shape);
  if (absl::Status status = features->WriteAt(0, AsBytes(feature_header)); !status.ok()) {
    return status;
  }
  std::vector<std::int64_t> target_shape = {rows};
  if (!is_classification()) target_shape.push_back(layout.target_count);
  const std::string target_header =
      MakeNpyHeader(is_classification() ? "<i4" : "<f4", target_shape);
  return targets->WriteAt(0, AsBytes(target_header));
}

absl::StatusOr<std::string> DatasetWriter::State::Digest() const {
  Sha256 hash;
  BeginContentDigest(layout.task, rows, layout.features, type,
                     is_classification() ? 0 : layout.target_count, hash);
  for (const std::filesystem::path& path : {features_path(), targets_path()}) {
    const absl::Status status =
        ForEachBlock(path, layout.stop, [&](std::span<const std::uint8_t> bytes) {
          hash.Update(bytes);
          return absl::OkStatus();
        });
    if (!status.ok()) return status;
  }
  return hash.HexDigest();
}

void DatasetWriter::State::DescribeImage(const DatasetTraits& traits, DatasetInfo& info) const {
  info.image_height = traits.image_height;
  info.image_width = traits.image_width;
  if (traits.image_height == 0 && type == FeatureType::kUint8) {
    info.image_height = info.image_width = SquareSide(layout.features);
  }
  if (type == FeatureType::kUint8 && (traits.byte_source || largest_byte > kLargestUnscaled)) {
    info.auto_scaling = AutoScaling::kDivideBy255;
  }
}

DatasetWriter::DatasetWriter(std::unique_ptr<State> state) : state_(std::move(state)) {}
DatasetWriter::~DatasetWriter() = default;

absl::StatusOr<std::unique_ptr<DatasetWriter>> DatasetWriter::Create(
    const std::filesystem::path& folder, const DatasetLayout& layout) {
  auto state = std::make_unique<State>();
  state->folder = folder;
  state->layout = layout;
  auto features = CreateArray(state->features_path());
  if (!features.ok()) return features.status();
  auto targets = CreateArray(state->targets_path());
  if (!targets.ok()) return targets.status();
  state->features = *std::move(features);
  state->targets = *std::move(targets);
  return std::unique_ptr<DatasetWriter>(new DatasetWriter(std::move(state)));
}

absl::Status DatasetWriter::AppendFeatures(std::span<const std::uint8_t> features) {
  State& state = *state_;
  if (absl::Status status = state.CheckMayWrite(state.rows + 1, state.type); !status.ok()) {
    return status;
  }
  ++state.rows;
  if (state.type == FeatureType::kFloat32) {
    state.float_row.assign(features.begin(), features.end());
    return state.features->Write(AsBytes(std::span<const float>(state.float_row)));
  }
  state.largest_byte =
      std::max(state.largest_byte, static_cast<int>(*std::ranges::max_element(features)));
  return state.features->Write(features);
}

absl::Status DatasetWriter::AppendFeatures(std::span<const float> features) {
  State& state = *state_;
  if (state.type == FeatureType::kUint8) {
    state.byte_row.resize(features.size());
    bool all_bytes = true;
    for (std::size_t i = 0; i < features.size(); ++i) {
      const float value = features[i];
      // Converting a float out of range is undefined.
      const float clamped = std::clamp(value, 0.0F, 255.0F);
      state.byte_row[i] = static_cast<std::uint8_t>(static_cast<int>(clamped));
      all_bytes &= static_cast<float>(state.byte_row[i]) == value;
    }
    if (all_bytes) return AppendFeatures(std::span<const std::uint8_t>(state.byte_row));
    if (absl::Status status = state.Promote(); !status.ok()) return status;
  }
  if (absl::Status status = state.CheckMayWrite(state.rows + 1, state.type); !status.ok()) {
    return status;
  }
  ++state.rows;
  state.float_row.resize(features.size());
  // Minus zero plus zero is zero.
  std::ranges::transform(features, state.float_row.begin(), [](float x) { return x + 0.0F; });
  return state.features->Write(AsBytes(std::span<const float>(state.float_row)));
}

absl::Status DatasetWriter::AppendLabel(std::int32_t label) {
  State& state = *state_;
  const auto index = static_cast<std::size_t>(label);
  if (index >= state.histogram.size()) state.histogram.resize(index + 1);
  ++state.histogram[index];
  ++state.target_rows;
  return state.targets->Write(AsBytes(std::span<const std::int32_t>(&label, 1)));
}

absl::Status DatasetWriter::AppendTargets(std::span<const float> targets) {
  State& state = *state_;
  ++state.target_rows;
  state.float_row.resize(targets.size());
  std::ranges::transform(targets, state.float_row.begin(), [](float x) { return x + 0.0F; });
  return state.targets->Write(AsBytes(std::span<const float>(state.float_row)));
}

std::int64_t DatasetWriter::rows() const { return state_->rows; }

absl::StatusOr<DatasetInfo> DatasetWriter::Finish(const DatasetTraits& traits) {
  State& state = *state_;
  if (absl::Status status = CheckStop(state.layout.stop); !status.ok()) return status;
  if (state.rows == 0) return InputError("EMPTY_FILE", {}, "the file holds no row of data");
  if (state.target_rows != state.rows) return absl::InternalError("rows without targets");
  if (absl::Status status = state.WriteHeaders(); !status.ok()) return status;
  for (FileWriter* const file : {state.features.get(), state.targets.get()}) {
    if (absl::Status status = file->Finish(); !status.ok()) return status;
  }
  if (absl::Status status = SyncFolder(state.folder); !status.ok()) return status;
  auto digest = state.Digest();
  if (!digest.ok()) return digest.status();

  DatasetInfo info;
  info.task = state.layout.task;
  info.rows = state.rows;
  info.features = state.layout.features;
  state.DescribeImage(traits, info);
  if (state.is_classification()) {
    info.label_histogram = std::move(state.histogram);
    info.class_count = std::max(traits.class_count, static_cast<int>(info.label_histogram.size()));
    info.label_histogram.resize(static_cast<std::size_t>(info.class_count));
  } else {
    info.target_count = state.layout.target_count;
  }
  info.feature_type = state.type;
  info.digest = *std::move(digest);
  info.size_bytes = state.features->size() + state.targets->size();
  return info;
}

}  // namespace trainyard

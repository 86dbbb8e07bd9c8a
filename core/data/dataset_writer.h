// Writes features.npy and targets.npy, one row after another.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <stop_token>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/data/dataset.h"

namespace trainyard {

// What must be known before the first row.
struct DatasetLayout {
  Task task = Task::kClassification;
  int features = 0;
  // Regression only.
  int target_count = 0;
  std::int64_t max_rows = 0;
  // Of both files together.
  std::int64_t max_stored_bytes = 0;
  // Once requested, rows are refused and Finish ends early.
  std::stop_token stop = {};
};

// What may be known only after the last.
struct DatasetTraits {
  // 0 for the largest label + 1.
  int class_count = 0;
  // 0 where the source says nothing of images. Rows stored as bytes whose
  // number of features is a square of 8 or more are then taken for images.
  int image_height = 0;
  int image_width = 0;
  // The source itself held bytes, whatever their values.
  bool byte_source = false;
};

// Features are stored as bytes while every value so far is an integer from 0 to
// 255, whatever type the source has, so that the same data from CSV, IDX and
// NPY is the same dataset. On the first other value what is there is rewritten
// as float32, through a second file and not in memory.
//
// DatasetInfo::digest is the SHA-256 of
//   "trainyard dataset 1\n" "task=" ("classification" | "regression") "\n"
//   "rows=" N "\n" "features=" N "\n" "feature_type=" ("u1" | "f4") "\n"
//   "target_columns=" N "\n"
// (numbers in decimal; target_columns is 0 for classification), then the
// features row by row, then the labels (int32) or targets (float32), all
// little-endian. Minus zero is stored as zero. Image shape, class count and
// scaling are no part of it.
//
// One thread at a time. After an error, only destruction.
class DatasetWriter {
 public:
  // `folder` exists; both files are created or replaced.
  static absl::StatusOr<std::unique_ptr<DatasetWriter>> Create(const std::filesystem::path& folder,
                                                               const DatasetLayout& layout);
  ~DatasetWriter();
  DatasetWriter(const DatasetWriter&) = delete;
  DatasetWriter& operator=(const DatasetWriter&) = delete;

  // One row's features, all of them finite; then its label or its targets.
  // Errors: RESOURCE_EXHAUSTED with reason TOO_MANY_ROWS, STORED_TOO_LARGE or
  // DISK_FULL; CANCELLED with reason STOPPED.
  absl::Status AppendFeatures(std::span<const std::uint8_t> features);
  absl::Status AppendFeatures(std::span<const float> features);
  // At least 0; the caller bounds it, memory is proportional to the largest.
  absl::Status AppendLabel(std::int32_t label);
  absl::Status AppendTargets(std::span<const float> targets);

  std::int64_t rows() const;

  // Completes and syncs both files and their folder.
  // Errors: INVALID_ARGUMENT with reason EMPTY_FILE where there is no row;
  // CANCELLED with reason STOPPED.
  absl::StatusOr<DatasetInfo> Finish(const DatasetTraits& traits);

 private:
  struct State;
  explicit DatasetWriter(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace trainyard

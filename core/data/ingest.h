// Turns an uploaded file into a stored dataset. Runs in a worker process: it
// reads what strangers wrote.
#pragma once

#include <cstdint>
#include <filesystem>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/data/dataset.h"

namespace trainyard {

enum class FileFormat { kDetect, kCsv, kIdx, kNpy };

// What the user said of the upload.
struct IngestSpec {
  FileFormat format = FileFormat::kDetect;
  Task task = Task::kClassification;
  // CSV: name or index from 0; empty for the default.
  std::string label_column;
  // CSV, regression: names or indices.
  std::vector<std::string> target_columns;
  // 0 for the largest label + 1.
  int class_count = 0;
};

// The uploaded files, plain or gzip.
struct IngestFiles {
  std::filesystem::path data;
  // Empty where labels are not a file of their own.
  std::filesystem::path labels;
};

// Bounds on what an upload may make a worker do.
struct IngestLimits {
  std::int64_t max_rows = std::int64_t{1} << 31;
  int max_features = 1 << 20;
  // An evaluation's confusion matrix is classes x classes, and one message.
  int max_classes = 4096;
  std::int64_t max_stored_bytes = std::int64_t{16} << 30;
  std::int64_t max_line_bytes = std::int64_t{64} << 20;
  std::int64_t max_field_bytes = 4096;
  // Decompressed bytes may be at most this many times the compressed ones
  // beyond the first 16 MiB.
  int max_gzip_ratio = 200;
  // Ends the work when it is requested.
  std::stop_token stop = {};
};

// Reads `files`, writes features.npy and targets.npy to `staging` (an existing,
// empty folder), syncs them, and returns what is known of them.
//
// Errors are INVALID_ARGUMENT with a reason, and with metadata line (from 1),
// row (from 0), column (from 1) and value where they apply; the message names
// them too. RESOURCE_EXHAUSTED over a limit or on a full disk. CANCELLED where it
// was stopped; what is then in `staging` is of no use.
absl::StatusOr<DatasetInfo> Ingest(const IngestSpec& spec, const IngestFiles& files,
                                   const std::filesystem::path& staging,
                                   const IngestLimits& limits = {});

}  // namespace trainyard

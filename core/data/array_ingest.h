// Ingests two arrays: features, and labels or targets.
#pragma once

#include <filesystem>

#include "absl/status/statusor.h"
#include "core/data/array_stream.h"
#include "core/data/ingest.h"

namespace trainyard {

// Features are rows x features or rows x height x width (IDX also rows x
// channels x height x width); labels are rows or rows x 1, targets rows or rows
// x targets. Both files are read side by side, a row at a time.
//
// Errors, besides those of array_stream.h, number.h and DatasetWriter:
// INVALID_ARGUMENT with reason IDX_WRONG_MAGIC or NPY_SHAPE_UNSUPPORTED,
// <format>_TOO_LARGE, COUNT_MISMATCH (with expected and found), EMPTY_FILE,
// NO_FEATURES, and IDX_TYPE_UNSUPPORTED for labels.
absl::StatusOr<DatasetInfo> IngestArrays(const IngestSpec& spec, ArrayStream& data,
                                         ArrayStream& labels, const std::filesystem::path& staging,
                                         const IngestLimits& limits);

}  // namespace trainyard

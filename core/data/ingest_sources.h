// Ingest from streams, for tests and fuzzers that have no files.
#pragma once

#include <filesystem>
#include <memory>

#include "absl/status/statusor.h"
#include "core/data/byte_source.h"
#include "core/data/ingest.h"

namespace trainyard {

// As Ingest; `labels` is null where labels are not a file of their own. Both
// may be gzip.
absl::StatusOr<DatasetInfo> IngestSources(const IngestSpec& spec, std::unique_ptr<ByteSource> data,
                                          std::unique_ptr<ByteSource> labels,
                                          const std::filesystem::path& staging,
                                          const IngestLimits& limits);

}  // namespace trainyard

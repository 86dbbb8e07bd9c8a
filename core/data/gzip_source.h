// Inflates a gzip file while it is read.
#pragma once

#include <memory>
#include <string>

#include "core/data/byte_source.h"

namespace trainyard {

// The decompressed bytes of `compressed`, members one after another as gzip
// writes them. `file` ("data" or "labels") is for errors. `max_ratio` is
// IngestLimits::max_gzip_ratio.
// Errors of Read: INVALID_ARGUMENT with reason GZIP_TRUNCATED or GZIP_CORRUPT,
// RESOURCE_EXHAUSTED with reason GZIP_RATIO_EXCEEDED.
std::unique_ptr<ByteSource> MakeGzipSource(std::unique_ptr<ByteSource> compressed, std::string file,
                                           int max_ratio);

}  // namespace trainyard

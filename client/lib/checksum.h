// Checksums of files.
#pragma once

#include <filesystem>
#include <string>

#include "absl/status/statusor.h"

namespace trainyard::client {

enum class Content {
  // The file's own bytes.
  kStored,
  // What is inside: a gzip file is decompressed, any other is taken as it is.
  kUncompressed,
};

// MD5 in lower-case hexadecimal. Guards against broken downloads, not against
// attackers. Errors: NOT_FOUND; DATA_LOSS for a gzip file that is truncated or
// damaged.
absl::StatusOr<std::string> Md5OfFile(const std::filesystem::path& file, Content content);

}  // namespace trainyard::client

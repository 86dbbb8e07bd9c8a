// Folders that are there after a power cut.
#pragma once

#include <filesystem>

#include "absl/status/status.h"

namespace trainyard::server {

// Makes `folder` and those between it and `root`, which is there, and makes each one's name
// durable: what is synced within a folder is lost with the folder's own name.
absl::Status MakeFolders(const std::filesystem::path& root, const std::filesystem::path& folder);

}  // namespace trainyard::server

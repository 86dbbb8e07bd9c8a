// A copy of a data directory, also while its server runs.
#pragma once

#include <filesystem>

#include "absl/status/status.h"
#include "server/store/layout.h"

namespace trainyard::server {

// Copies what a directory holds to `to`, which does not exist or is empty: the
// database as it is at one moment, and the files that it names then, unfinished uploads
// among them; and a class's certificates with their keys. A file that the server drops meanwhile makes it begin again.
// Errors: FAILED_PRECONDITION, DATA_LOSS, RESOURCE_EXHAUSTED; what is in `to`
// then is of no use.
absl::Status BackUpDirectory(const Layout& from, const std::filesystem::path& to);

}  // namespace trainyard::server

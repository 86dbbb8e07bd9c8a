// One process, started without fork: a fork in a process with gRPC's threads
// would copy their locks.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace trainyard::server {

// Starts `arguments[0]` in a session of its own, with default signals, standard
// input from /dev/null, output and error appended to `log_file`, and no other
// descriptor.
absl::StatusOr<pid_t> Spawn(const std::vector<std::string>& arguments,
                            const std::filesystem::path& log_file);

}  // namespace trainyard::server

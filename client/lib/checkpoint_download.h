// Saves a job's weights as a file.
#pragma once

#include <grpcpp/support/status.h>

#include <cstdint>
#include <filesystem>
#include <string>

#include "client/lib/connection.h"

namespace trainyard::client {

// Reads a checkpoint into `file`. What is there is replaced only once the whole
// of it has arrived and is on disk; on an error nothing is left. Fills in
// `size_bytes`. Errors: the server's; ALREADY_EXISTS where the file is there and
// shall not be replaced; INTERNAL where it cannot be written.
grpc::Status DownloadCheckpoint(Connection& connection, const v1::ReadCheckpointRequest& request,
                                const std::filesystem::path& file, bool replace,
                                std::int64_t* size_bytes);

}  // namespace trainyard::client

// Uploads the files of a dataset, resuming where a connection broke.
#pragma once

#include <grpcpp/support/status.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "client/lib/connection.h"

namespace trainyard::client {

// One part of one dataset.
struct PartUpload {
  // Full name of a dataset that is UPLOADING.
  std::string dataset;
  v1::UploadPart::Kind part = v1::UploadPart::DATA;
  std::filesystem::path file;
};

struct UploadOptions {
  // How often a broken connection is resumed without a byte having got through.
  int retries = 5;
  std::chrono::milliseconds first_delay{200};
  // Called now and then with the bytes sent of the bytes there are.
  std::function<void(std::int64_t sent, std::int64_t total)> progress;
};

// Sends the file in chunks of 1 MiB. After a break it asks the server how much
// of the part is committed and goes on from there. Errors: the server's, or
// NOT_FOUND for a file that cannot be read.
grpc::Status UploadPartFile(Connection& connection, const PartUpload& upload,
                            const UploadOptions& options = {});

}  // namespace trainyard::client

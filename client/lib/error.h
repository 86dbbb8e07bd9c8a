// What a server's error says, unpacked.
#pragma once

#include <grpcpp/support/status.h>

#include <map>
#include <string>
#include <vector>

#include "google/rpc/status.pb.h"

namespace trainyard::client {

// A google.rpc.Status with its ErrorInfo and BadRequest details taken out.
struct ErrorDetails {
  struct FieldViolation {
    std::string field;
    std::string description;
  };
  std::string message;
  // ErrorInfo: stable, like DIVERGED; empty where there is none.
  std::string reason;
  std::map<std::string, std::string> metadata;
  std::vector<FieldViolation> violations;
};

ErrorDetails DecodeError(const google::rpc::Status& status);
// From the trailing grpc-status-details-bin, else from the message alone.
ErrorDetails DecodeError(const grpc::Status& status);

}  // namespace trainyard::client

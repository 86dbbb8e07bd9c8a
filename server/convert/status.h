// Statuses: absl inside, google.rpc.Status on the wire.
#pragma once

#include <grpcpp/support/status.h>

#include "absl/status/status.h"
#include "google/rpc/status.pb.h"

namespace trainyard::server {

// Always with ErrorInfo (domain "trainyard", a stable reason, metadata), and a
// BadRequest field violation where a field is named.
google::rpc::Status ToRpcStatus(const absl::Status& status);

// The same, as the status of a call, with the details in its trailer.
grpc::Status ToGrpcStatus(const absl::Status& status);

// The inverse of ToRpcStatus.
absl::Status FromRpcStatus(const google::rpc::Status& status);

}  // namespace trainyard::server

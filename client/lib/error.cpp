#include "client/lib/error.h"

#include "google/rpc/error_details.pb.h"

namespace trainyard::client {

ErrorDetails DecodeError(const google::rpc::Status& status) {
  ErrorDetails error;
  error.message = status.message();
  for (const google::protobuf::Any& detail : status.details()) {
    google::rpc::ErrorInfo info;
    google::rpc::BadRequest bad_request;
    if (detail.UnpackTo(&info)) {
      error.reason = info.reason();
      error.metadata.insert(info.metadata().begin(), info.metadata().end());
    } else if (detail.UnpackTo(&bad_request)) {
      for (const auto& violation : bad_request.field_violations()) {
        error.violations.push_back({violation.field(), violation.description()});
      }
    }
  }
  return error;
}

ErrorDetails DecodeError(const grpc::Status& status) {
  google::rpc::Status details;
  if (!details.ParseFromString(status.error_details())) details.Clear();
  if (details.message().empty()) details.set_message(status.error_message());
  return DecodeError(details);
}

}  // namespace trainyard::client

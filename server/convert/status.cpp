#include "server/convert/status.h"

#include <string>
#include <utility>

#include "core/base/error.h"
#include "google/rpc/error_details.pb.h"

namespace trainyard::server {
namespace {

constexpr char kDomain[] = "trainyard";

// The reason of an error that named none: the name of its code.
std::string ReasonOf(const absl::Status& status, const ErrorDetails& details) {
  if (!details.reason.empty()) return details.reason;
  return absl::StatusCodeToString(status.code());
}

}  // namespace

google::rpc::Status ToRpcStatus(const absl::Status& status) {
  google::rpc::Status result;
  result.set_code(static_cast<int>(status.code()));
  if (status.ok()) return result;
  result.set_message(std::string(status.message()));
  const ErrorDetails details = GetErrorDetails(status);
  google::rpc::ErrorInfo info;
  info.set_reason(ReasonOf(status, details));
  info.set_domain(kDomain);
  for (const auto& [key, value] : details.metadata) (*info.mutable_metadata())[key] = value;
  result.add_details()->PackFrom(info);
  if (!details.field.empty()) {
    google::rpc::BadRequest bad_request;
    auto& violation = *bad_request.add_field_violations();
    violation.set_field(details.field);
    violation.set_description(result.message());
    result.add_details()->PackFrom(bad_request);
  }
  return result;
}

grpc::Status ToGrpcStatus(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  const google::rpc::Status full = ToRpcStatus(status);
  return {static_cast<grpc::StatusCode>(full.code()), full.message(), full.SerializeAsString()};
}

absl::Status FromRpcStatus(const google::rpc::Status& status) {
  if (status.code() == 0) return absl::OkStatus();
  ErrorDetails details;
  for (const auto& any : status.details()) {
    google::rpc::ErrorInfo info;
    google::rpc::BadRequest bad_request;
    if (any.UnpackTo(&info)) {
      details.reason = info.reason();
      details.metadata.insert(info.metadata().begin(), info.metadata().end());
    } else if (any.UnpackTo(&bad_request) && bad_request.field_violations_size() > 0) {
      details.field = bad_request.field_violations(0).field();
    }
  }
  return MakeError(static_cast<absl::StatusCode>(status.code()), std::move(details),
                   status.message());
}

}  // namespace trainyard::server

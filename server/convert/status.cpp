#include "server/convert/status.h"

#include <cmath>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/strings/numbers.h"
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

// Where files are on this machine is for its log, not for callers.
std::string WithoutPath(std::string message, ErrorDetails& details) {
  const auto found = details.metadata.find("path");
  if (found == details.metadata.end()) return message;
  const std::string path = found->second;
  details.metadata.erase(found);
  const std::string name = path.substr(path.rfind('/') + 1);
  for (auto at = message.find(path); !path.empty() && at != std::string::npos;
       at = message.find(path, at + name.size())) {
    message.replace(at, path.size(), name);
  }
  return message;
}

void AddRetryInfo(const std::string& seconds, google::rpc::Status& status) {
  double value = 0;
  if (!absl::SimpleAtod(seconds, &value)) return;
  google::rpc::RetryInfo info;
  info.mutable_retry_delay()->set_seconds(static_cast<std::int64_t>(value));
  const double rest = value - std::floor(value);
  info.mutable_retry_delay()->set_nanos(static_cast<std::int32_t>(rest * 1e9));
  status.add_details()->PackFrom(info);
}

}  // namespace

google::rpc::Status ToRpcStatus(const absl::Status& status) {
  google::rpc::Status result;
  result.set_code(static_cast<int>(status.code()));
  if (status.ok()) return result;
  ErrorDetails details = GetErrorDetails(status);
  result.set_message(WithoutPath(std::string(status.message()), details));
  google::rpc::ErrorInfo info;
  info.set_reason(ReasonOf(status, details));
  info.set_domain(kDomain);
  for (const auto& [key, value] : details.metadata) (*info.mutable_metadata())[key] = value;
  result.add_details()->PackFrom(info);
  if (const auto quota = details.metadata.find("quota"); quota != details.metadata.end()) {
    google::rpc::QuotaFailure failure;
    auto& violation = *failure.add_violations();
    violation.set_subject(details.metadata["user"]);
    violation.set_description(result.message());
    result.add_details()->PackFrom(failure);
  }
  if (const auto retry = details.metadata.find("retry_seconds"); retry != details.metadata.end()) {
    AddRetryInfo(retry->second, result);
  }
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

#include "server/http/response.h"

#include <google/protobuf/util/json_util.h>

#include <nlohmann/json.hpp>

#include "core/base/text.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "server/convert/status.h"

namespace trainyard::server {
namespace {

namespace bhttp = boost::beast::http;

google::rpc::Status FullStatus(const grpc::Status& status) {
  google::rpc::Status full;
  if (!full.ParseFromString(status.error_details()) || full.code() == 0) full.Clear();
  full.set_code(status.error_code());
  full.set_message(status.error_message());
  return full;
}

nlohmann::json DetailsOf(const google::rpc::Status& status) {
  nlohmann::json details = nlohmann::json::array();
  for (const auto& any : status.details()) {
    std::string json;
    // A detail of a type that is not linked in cannot be told, the others can.
    if (google::protobuf::util::MessageToJsonString(any, &json).ok()) {
      details.push_back(nlohmann::json::parse(json, nullptr, false));
    }
  }
  return details;
}

}  // namespace

bhttp::status HttpStatusOf(grpc::StatusCode code) {
  switch (code) {
    case grpc::StatusCode::OK:
      return bhttp::status::ok;
    case grpc::StatusCode::INVALID_ARGUMENT:
    case grpc::StatusCode::FAILED_PRECONDITION:
    case grpc::StatusCode::OUT_OF_RANGE:
      return bhttp::status::bad_request;
    case grpc::StatusCode::UNAUTHENTICATED:
      return bhttp::status::unauthorized;
    case grpc::StatusCode::PERMISSION_DENIED:
      return bhttp::status::forbidden;
    case grpc::StatusCode::NOT_FOUND:
      return bhttp::status::not_found;
    case grpc::StatusCode::ALREADY_EXISTS:
    case grpc::StatusCode::ABORTED:
      return bhttp::status::conflict;
    case grpc::StatusCode::RESOURCE_EXHAUSTED:
      return bhttp::status::too_many_requests;
    case grpc::StatusCode::CANCELLED:
      return static_cast<bhttp::status>(499);
    case grpc::StatusCode::UNIMPLEMENTED:
      return bhttp::status::not_implemented;
    case grpc::StatusCode::UNAVAILABLE:
      return bhttp::status::service_unavailable;
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return bhttp::status::gateway_timeout;
    default:
      return bhttp::status::internal_server_error;
  }
}

std::string ErrorJson(bhttp::status http, const grpc::Status& status) {
  const google::rpc::Status full = FullStatus(status);
  const nlohmann::json error{
      {"code", static_cast<int>(http)},
      {"message", full.message()},
      {"status", absl::StatusCodeToString(static_cast<absl::StatusCode>(full.code()))},
      {"details", DetailsOf(full)}};
  // What a message quotes of a request may be no UTF-8.
  return nlohmann::json{{"error", error}}.dump(-1, ' ', false,
                                               nlohmann::json::error_handler_t::replace);
}

HttpResponse ErrorResponse(const grpc::Status& status) {
  HttpResponse response;
  response.status = HttpStatusOf(status.error_code());
  response.body = ErrorJson(response.status, status);
  const google::rpc::Status full = FullStatus(status);
  for (const auto& any : full.details()) {
    google::rpc::RetryInfo retry;
    if (!any.UnpackTo(&retry)) continue;
    const auto seconds = retry.retry_delay().seconds() + (retry.retry_delay().nanos() > 0 ? 1 : 0);
    response.headers.emplace_back("Retry-After", StrCat(seconds));
  }
  return response;
}

HttpResponse ErrorResponse(const absl::Status& status) {
  return ErrorResponse(ToGrpcStatus(status));
}

HttpResponse ErrorResponse(bhttp::status http, const absl::Status& status) {
  HttpResponse response;
  response.status = http;
  response.body = ErrorJson(http, ToGrpcStatus(status));
  return response;
}

}  // namespace trainyard::server

// Answers that are whole, and how errors look.
#pragma once

#include <grpcpp/support/status.h>

#include <boost/beast/http/status.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"

namespace trainyard::server {

// An answer, all of it in memory.
struct HttpResponse {
  boost::beast::http::status status = boost::beast::http::status::ok;
  std::string content_type = "application/json";
  std::string body;
  // Beside what every answer has.
  std::vector<std::pair<std::string, std::string>> headers;
};

// The HTTP code of a gRPC one, as google/rpc/code.proto has it.
boost::beast::http::status HttpStatusOf(grpc::StatusCode code);

// {"error": {"code", "message", "status", "details"}}, Google's form of a
// google.rpc.Status.
std::string ErrorJson(boost::beast::http::status http, const grpc::Status& status);

// An error as an answer; with Retry-After where it has a RetryInfo.
HttpResponse ErrorResponse(const grpc::Status& status);
// Errors of the gateway's own; `http` where HTTP has a code of its own for it.
HttpResponse ErrorResponse(const absl::Status& status);
HttpResponse ErrorResponse(boost::beast::http::status http, const absl::Status& status);

}  // namespace trainyard::server

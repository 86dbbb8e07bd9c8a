// What every handler does: admits the caller, calls one function with the request,
// and puts what it is told into the response or the status.
#pragma once

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <utility>

#include "absl/status/statusor.h"
#include "google/protobuf/empty.pb.h"
#include "server/auth/gatekeeper.h"
#include "server/convert/status.h"
#include "server/rpc/call_log.h"

namespace trainyard::server {

// Of a call that was not admitted.
inline grpc::Status Refuse(const google::protobuf::Message& request, const absl::Status& why,
                           std::chrono::steady_clock::time_point begun) {
  Caller nobody;
  nobody.user = "";
  LogCall(nobody, request, why, begun);
  return ToGrpcStatus(why);
}

// Serves one call with a function of `service` that answers.
template <class Service, class Request, class Response>
grpc::Status Serve(Gatekeeper& gatekeeper, Service& service,
                   absl::StatusOr<Response> (Service::*function)(const Caller&, const Request&),
                   const grpc::ServerContext& context, const Request& request, Response* response) {
  const auto begun = std::chrono::steady_clock::now();
  auto admission = gatekeeper.Admit(context, *Request::descriptor());
  if (!admission.ok()) return Refuse(request, admission.status(), begun);
  auto result = (service.*function)(admission->caller, request);
  LogCall(admission->caller, request, result.status(), begun);
  if (!result.ok()) return ToGrpcStatus(result.status());
  *response = *std::move(result);
  return grpc::Status::OK;
}

// With one that has nothing to say.
template <class Service, class Request>
grpc::Status Serve(Gatekeeper& gatekeeper, Service& service,
                   absl::Status (Service::*function)(const Caller&, const Request&),
                   const grpc::ServerContext& context, const Request& request,
                   google::protobuf::Empty*) {
  const auto begun = std::chrono::steady_clock::now();
  auto admission = gatekeeper.Admit(context, *Request::descriptor());
  if (!admission.ok()) return Refuse(request, admission.status(), begun);
  const absl::Status status = (service.*function)(admission->caller, request);
  LogCall(admission->caller, request, status, begun);
  return ToGrpcStatus(status);
}

}  // namespace trainyard::server

// What every handler does: admits the caller, calls one function with the request,
// and puts what it is told into the response or the status.
#pragma once

#include <grpcpp/grpcpp.h>

#include <utility>

#include "absl/status/statusor.h"
#include "google/protobuf/empty.pb.h"
#include "server/auth/gatekeeper.h"
#include "server/convert/status.h"

namespace trainyard::server {

// Serves one call with a function of `service` that answers.
template <class Service, class Request, class Response>
grpc::Status Serve(Gatekeeper& gatekeeper, Service& service,
                   absl::StatusOr<Response> (Service::*function)(const Caller&, const Request&),
                   const grpc::ServerContext& context, const Request& request, Response* response) {
  auto admission = gatekeeper.Admit(context, *Request::descriptor());
  if (!admission.ok()) return ToGrpcStatus(admission.status());
  auto result = (service.*function)(admission->caller, request);
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
  auto admission = gatekeeper.Admit(context, *Request::descriptor());
  if (!admission.ok()) return ToGrpcStatus(admission.status());
  return ToGrpcStatus((service.*function)(admission->caller, request));
}

}  // namespace trainyard::server

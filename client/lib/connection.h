// A channel to a trainyard-server and the stubs of its services.
#pragma once

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <memory>
#include <string>
#include <tuple>

#include "client/lib/endpoint.h"
#include "trainyard/v1/admin.grpc.pb.h"
#include "trainyard/v1/dataset.grpc.pb.h"
#include "trainyard/v1/evaluation.grpc.pb.h"
#include "trainyard/v1/network.grpc.pb.h"
#include "trainyard/v1/training.grpc.pb.h"

namespace trainyard::client {

// How long a client waits.
struct ConnectionLimits {
  // For a server that is not there.
  std::chrono::milliseconds connect{3000};
  // For the answer to one unary call.
  std::chrono::milliseconds call{60000};
};

// One channel, made on construction and connected by the first call. Any
// thread may call; it outlives what it returns references to.
class Connection {
 public:
  // In plaintext, without a token. `address` is HOST:PORT.
  explicit Connection(std::string address, ConnectionLimits limits = {});
  explicit Connection(Endpoint endpoint, ConnectionLimits limits = {});

  const std::string& address() const { return endpoint_.address; }

  // OK as soon as the server answers, else UNAVAILABLE after limits.connect.
  grpc::Status WaitUntilReady();

  // The stub of one service, as in stub<v1::DatasetService>().
  template <class Service>
  typename Service::Stub& stub() {
    return *std::get<std::unique_ptr<typename Service::Stub>>(stubs_);
  }

  // One unary call, as in Call(&v1::NetworkService::Stub::GetNetwork, request,
  // &response). UNAVAILABLE where the server cannot be reached.
  template <class Stub, class Request, class Response>
  grpc::Status Call(grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                    const Request& request, Response* response) {
    if (grpc::Status ready = WaitUntilReady(); !ready.ok()) return ready;
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + limits_.call);
    return (std::get<std::unique_ptr<Stub>>(stubs_).get()->*method)(&context, request, response);
  }

 private:
  const Endpoint endpoint_;
  const ConnectionLimits limits_;
  const std::shared_ptr<grpc::Channel> channel_;
  const std::tuple<
      std::unique_ptr<v1::DatasetService::Stub>, std::unique_ptr<v1::NetworkService::Stub>,
      std::unique_ptr<v1::TrainingService::Stub>, std::unique_ptr<v1::EvaluationService::Stub>,
      std::unique_ptr<v1::AdminService::Stub>>
      stubs_;
};

// Calls a List method until there are no more pages and merges them into
// `all`, whose next_page_token is then empty.
template <class Stub, class Request, class Response>
grpc::Status ListAll(Connection& connection,
                     grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                     Request request, Response* all) {
  do {
    Response page;
    if (grpc::Status status = connection.Call(method, request, &page); !status.ok()) return status;
    request.set_page_token(page.next_page_token());
    page.clear_next_page_token();
    all->MergeFrom(page);
  } while (!request.page_token().empty());
  return grpc::Status::OK;
}

}  // namespace trainyard::client

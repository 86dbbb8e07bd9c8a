#include "client/lib/connection.h"

#include "absl/strings/str_cat.h"

namespace trainyard::client {
namespace {

std::shared_ptr<grpc::Channel> MakeChannel(const std::string& address) {
  grpc::ChannelArguments arguments;
  // A proxy of the environment is for the web, not for a lab's own server.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 30000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 20000);
  // A server that is just starting is found within a fraction of a second.
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 200);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 200);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 2000);
  // A preview of 100 rows of a wide dataset exceeds the default of 4 MiB.
  arguments.SetMaxReceiveMessageSize(64 << 20);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

}  // namespace

Connection::Connection(std::string address, ConnectionLimits limits)
    : address_(std::move(address)),
      limits_(limits),
      channel_(MakeChannel(address_)),
      stubs_(v1::DatasetService::NewStub(channel_), v1::NetworkService::NewStub(channel_),
             v1::TrainingService::NewStub(channel_), v1::EvaluationService::NewStub(channel_)) {}

grpc::Status Connection::WaitUntilReady() {
  if (channel_->WaitForConnected(std::chrono::system_clock::now() + limits_.connect)) {
    return grpc::Status::OK;
  }
  return {grpc::StatusCode::UNAVAILABLE, absl::StrCat("no server answers at ", address_)};
}

}  // namespace trainyard::client

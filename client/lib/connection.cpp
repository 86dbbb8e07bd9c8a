#include "client/lib/connection.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace trainyard::client {
namespace {

// Sends the token with every call, over whatever the channel speaks.
class TokenSender final : public grpc::experimental::Interceptor {
 public:
  explicit TokenSender(const std::string& header) : header_(header) {}

  void Intercept(grpc::experimental::InterceptorBatchMethods* methods) override {
    using grpc::experimental::InterceptionHookPoints;
    if (methods->QueryInterceptionHookPoint(InterceptionHookPoints::PRE_SEND_INITIAL_METADATA)) {
      methods->GetSendInitialMetadata()->insert({"authorization", header_});
    }
    methods->Proceed();
  }

 private:
  const std::string& header_;
};

class TokenSenders final : public grpc::experimental::ClientInterceptorFactoryInterface {
 public:
  explicit TokenSenders(const std::string& token) : header_("Bearer " + token) {}

  grpc::experimental::Interceptor* CreateClientInterceptor(
      grpc::experimental::ClientRpcInfo*) override {
    return new TokenSender(header_);
  }

 private:
  const std::string header_;
};

grpc::ChannelArguments Arguments(const Endpoint& endpoint) {
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
  // A pinned authority signs for one server, whatever name it is reached by.
  if (endpoint.tls() && endpoint.authority != kSystemAuthorities) {
    arguments.SetSslTargetNameOverride("trainyard");
  }
  return arguments;
}

std::shared_ptr<grpc::ChannelCredentials> Credentials(const Endpoint& endpoint) {
  if (!endpoint.tls()) return grpc::InsecureChannelCredentials();
  grpc::SslCredentialsOptions options;
  if (endpoint.authority != kSystemAuthorities) options.pem_root_certs = endpoint.authority;
  return grpc::SslCredentials(options);
}

std::shared_ptr<grpc::Channel> MakeChannel(const Endpoint& endpoint) {
  std::vector<std::unique_ptr<grpc::experimental::ClientInterceptorFactoryInterface>> senders;
  if (!endpoint.token.empty()) senders.push_back(std::make_unique<TokenSenders>(endpoint.token));
  return grpc::experimental::CreateCustomChannelWithInterceptors(
      endpoint.address, Credentials(endpoint), Arguments(endpoint), std::move(senders));
}

}  // namespace

Connection::Connection(std::string address, ConnectionLimits limits)
    : Connection(Endpoint{std::move(address), "", ""}, limits) {}

Connection::Connection(Endpoint endpoint, ConnectionLimits limits)
    : endpoint_(std::move(endpoint)),
      limits_(limits),
      channel_(MakeChannel(endpoint_)),
      stubs_(v1::DatasetService::NewStub(channel_), v1::NetworkService::NewStub(channel_),
             v1::TrainingService::NewStub(channel_), v1::EvaluationService::NewStub(channel_),
             v1::AdminService::NewStub(channel_)) {}

grpc::Status Connection::WaitUntilReady() {
  if (channel_->WaitForConnected(std::chrono::system_clock::now() + limits_.connect)) {
    return grpc::Status::OK;
  }
  return {grpc::StatusCode::UNAVAILABLE, absl::StrCat("no server answers at ", address())};
}

}  // namespace trainyard::client

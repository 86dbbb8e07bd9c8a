// Counts the calls of a gRPC server.
#pragma once

#include <grpcpp/support/server_interceptor.h>

#include "server/metrics/metrics.h"

namespace trainyard::server {

// For ServerBuilder: every call of every service is counted when it begins and
// when it ends, whoever serves it.
class RpcMetrics final : public grpc::experimental::ServerInterceptorFactoryInterface {
 public:
  explicit RpcMetrics(Metrics& metrics) : metrics_(metrics) {}
  grpc::experimental::Interceptor* CreateServerInterceptor(
      grpc::experimental::ServerRpcInfo* info) override;

 private:
  Metrics& metrics_;
};

}  // namespace trainyard::server

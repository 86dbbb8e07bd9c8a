#include "server/metrics/rpc_metrics.h"

#include <chrono>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace trainyard::server {
namespace {

using grpc::experimental::InterceptionHookPoints;
using grpc::experimental::InterceptorBatchMethods;

// /trainyard.v1.TrainingService/GetTrainingJob is TrainingService.GetTrainingJob.
std::string ShortName(std::string_view path) {
  const auto slash = path.rfind('/');
  const auto service = path.substr(0, slash);
  std::string name(service.substr(service.find_last_of("./") + 1));
  return name + "." + std::string(path.substr(slash + 1));
}

// Lives as long as its call.
class CallCounter final : public grpc::experimental::Interceptor {
 public:
  CallCounter(Metrics& metrics, std::string method)
      : metrics_(metrics), method_(std::move(method)) {
    metrics_.RpcBegan(method_);
  }

  ~CallCounter() override {
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin_;
    metrics_.RpcEnded(method_, absl::StatusCodeToString(code_), took.count());
  }

  void Intercept(InterceptorBatchMethods* batch) override {
    if (batch->QueryInterceptionHookPoint(InterceptionHookPoints::PRE_SEND_STATUS)) {
      code_ = static_cast<absl::StatusCode>(batch->GetSendStatus().error_code());
    }
    batch->Proceed();
  }

 private:
  Metrics& metrics_;
  const std::string method_;
  const std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  // Where no status is sent, nobody was there to take one.
  absl::StatusCode code_ = absl::StatusCode::kCancelled;
};

}  // namespace

grpc::experimental::Interceptor* RpcMetrics::CreateServerInterceptor(
    grpc::experimental::ServerRpcInfo* info) {
  return new CallCounter(metrics_, ShortName(info->method()));
}

}  // namespace trainyard::server

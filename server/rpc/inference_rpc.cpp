#include "server/rpc/inference_rpc.h"

#include <string_view>

#include "server/rpc/answer.h"
#include "server/rpc/infer_stream.h"

namespace trainyard::server {
namespace {

// Its requests are ModelInfer's.
constexpr std::string_view kStream = "GRPCInferenceService.ModelStreamInfer";

}  // namespace

grpc::Status InferenceRpc::ServerLive(grpc::ServerContext*, const inference::ServerLiveRequest*,
                                      inference::ServerLiveResponse* response) {
  response->set_live(true);
  return grpc::Status::OK;
}

// Who is answered at all can use models: workers are started when they are needed.
grpc::Status InferenceRpc::ServerReady(grpc::ServerContext*, const inference::ServerReadyRequest*,
                                       inference::ServerReadyResponse* response) {
  response->set_ready(true);
  return grpc::Status::OK;
}

grpc::Status InferenceRpc::ModelReady(grpc::ServerContext* context,
                                      const inference::ModelReadyRequest* request,
                                      inference::ModelReadyResponse* response) {
  return Serve(gatekeeper_, models_, &InferenceService::Ready, *context, *request, response);
}

grpc::Status InferenceRpc::ServerMetadata(grpc::ServerContext* context,
                                          const inference::ServerMetadataRequest* request,
                                          inference::ServerMetadataResponse* response) {
  return Serve(gatekeeper_, models_, &InferenceService::Metadata, *context, *request, response);
}

grpc::Status InferenceRpc::ModelMetadata(grpc::ServerContext* context,
                                         const inference::ModelMetadataRequest* request,
                                         inference::ModelMetadataResponse* response) {
  return Serve(gatekeeper_, models_, &InferenceService::ModelMetadata, *context, *request,
               response);
}

grpc::Status InferenceRpc::ModelConfig(grpc::ServerContext* context,
                                       const inference::ModelConfigRequest* request,
                                       inference::ModelConfigResponse* response) {
  return Serve(gatekeeper_, models_, &InferenceService::Config, *context, *request, response);
}

grpc::Status InferenceRpc::ModelStatistics(grpc::ServerContext* context,
                                           const inference::ModelStatisticsRequest* request,
                                           inference::ModelStatisticsResponse* response) {
  return Serve(gatekeeper_, models_, &InferenceService::Statistics, *context, *request, response);
}

grpc::Status InferenceRpc::RepositoryIndex(grpc::ServerContext* context,
                                           const inference::RepositoryIndexRequest* request,
                                           inference::RepositoryIndexResponse* response) {
  return Serve(gatekeeper_, models_, &InferenceService::Index, *context, *request, response);
}

grpc::ServerUnaryReactor* InferenceRpc::ModelInfer(grpc::CallbackServerContext* context,
                                                   const inference::ModelInferRequest* request,
                                                   inference::ModelInferResponse* response) {
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  auto admission = gatekeeper_.Admit(*context, *inference::ModelInferRequest::descriptor());
  if (!admission.ok()) {
    reactor->Finish(ToGrpcStatus(admission.status()));
    return reactor;
  }
  models_.Infer(admission->caller, *request, *response,
                [reactor](const absl::Status& status) { reactor->Finish(ToGrpcStatus(status)); });
  return reactor;
}

grpc::ServerBidiReactor<inference::ModelInferRequest, inference::ModelStreamInferResponse>*
InferenceRpc::ModelStreamInfer(grpc::CallbackServerContext* context) {
  return InferStream::Start(models_, gatekeeper_.AdmitStream(*context, kStream));
}

}  // namespace trainyard::server

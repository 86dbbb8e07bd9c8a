#include "server/rpc/inference_rpc.h"

#include "server/rpc/answer.h"
#include "server/rpc/infer_stream.h"
#include "server/rpc/services.h"

namespace trainyard::server {

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
  return Answer(models_.Ready(CallerOf(*context), *request), response);
}

grpc::Status InferenceRpc::ServerMetadata(grpc::ServerContext* context,
                                          const inference::ServerMetadataRequest* request,
                                          inference::ServerMetadataResponse* response) {
  return Answer(models_.Metadata(CallerOf(*context), *request), response);
}

grpc::Status InferenceRpc::ModelMetadata(grpc::ServerContext* context,
                                         const inference::ModelMetadataRequest* request,
                                         inference::ModelMetadataResponse* response) {
  return Answer(models_.ModelMetadata(CallerOf(*context), *request), response);
}

grpc::Status InferenceRpc::ModelConfig(grpc::ServerContext* context,
                                       const inference::ModelConfigRequest* request,
                                       inference::ModelConfigResponse* response) {
  return Answer(models_.Config(CallerOf(*context), *request), response);
}

grpc::Status InferenceRpc::ModelStatistics(grpc::ServerContext* context,
                                           const inference::ModelStatisticsRequest* request,
                                           inference::ModelStatisticsResponse* response) {
  return Answer(models_.Statistics(CallerOf(*context), *request), response);
}

grpc::Status InferenceRpc::RepositoryIndex(grpc::ServerContext* context,
                                           const inference::RepositoryIndexRequest* request,
                                           inference::RepositoryIndexResponse* response) {
  return Answer(models_.Index(CallerOf(*context), *request), response);
}

grpc::ServerUnaryReactor* InferenceRpc::ModelInfer(grpc::CallbackServerContext* context,
                                                   const inference::ModelInferRequest* request,
                                                   inference::ModelInferResponse* response) {
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  models_.Infer(CallerOf(*context), *request, *response,
                [reactor](const absl::Status& status) { reactor->Finish(ToGrpcStatus(status)); });
  return reactor;
}

grpc::ServerBidiReactor<inference::ModelInferRequest, inference::ModelStreamInferResponse>*
InferenceRpc::ModelStreamInfer(grpc::CallbackServerContext* context) {
  return InferStream::Start(models_, CallerOf(*context));
}

}  // namespace trainyard::server

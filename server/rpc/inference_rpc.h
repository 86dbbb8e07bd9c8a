// The public gRPC service of served models.
#pragma once

#include <grpcpp/grpcpp.h>

#include "inference/inference.grpc.pb.h"
#include "server/auth/gatekeeper.h"
#include "server/serving/inference_service.h"

namespace trainyard::server {

// Inferences are on the callback API: none of them holds a thread while it is
// computed.
class InferenceRpc final : public inference::GRPCInferenceService::WithCallbackMethod_ModelInfer<
                               inference::GRPCInferenceService::WithCallbackMethod_ModelStreamInfer<
                                   inference::GRPCInferenceService::Service>> {
 public:
  InferenceRpc(Gatekeeper& gatekeeper, InferenceService& models)
      : gatekeeper_(gatekeeper), models_(models) {}

  grpc::Status ServerLive(grpc::ServerContext*, const inference::ServerLiveRequest*,
                          inference::ServerLiveResponse*) override;
  grpc::Status ServerReady(grpc::ServerContext*, const inference::ServerReadyRequest*,
                           inference::ServerReadyResponse*) override;
  grpc::Status ModelReady(grpc::ServerContext*, const inference::ModelReadyRequest*,
                          inference::ModelReadyResponse*) override;
  grpc::Status ServerMetadata(grpc::ServerContext*, const inference::ServerMetadataRequest*,
                              inference::ServerMetadataResponse*) override;
  grpc::Status ModelMetadata(grpc::ServerContext*, const inference::ModelMetadataRequest*,
                             inference::ModelMetadataResponse*) override;
  grpc::Status ModelConfig(grpc::ServerContext*, const inference::ModelConfigRequest*,
                           inference::ModelConfigResponse*) override;
  grpc::Status ModelStatistics(grpc::ServerContext*, const inference::ModelStatisticsRequest*,
                               inference::ModelStatisticsResponse*) override;
  grpc::Status RepositoryIndex(grpc::ServerContext*, const inference::RepositoryIndexRequest*,
                               inference::RepositoryIndexResponse*) override;
  grpc::ServerUnaryReactor* ModelInfer(grpc::CallbackServerContext* context,
                                       const inference::ModelInferRequest* request,
                                       inference::ModelInferResponse* response) override;
  grpc::ServerBidiReactor<inference::ModelInferRequest, inference::ModelStreamInferResponse>*
  ModelStreamInfer(grpc::CallbackServerContext* context) override;

 private:
  Gatekeeper& gatekeeper_;
  InferenceService& models_;
};

}  // namespace trainyard::server

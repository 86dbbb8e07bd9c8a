// The public gRPC services. They translate: unpack, one call, map the status.
#pragma once

#include <grpcpp/grpcpp.h>

#include "server/datasets/dataset_service.h"
#include "server/evaluations/evaluation_service.h"
#include "server/jobs/job_service.h"
#include "server/networks/network_service.h"
#include "server/resources/names.h"
#include "server/rpc/watch_reactor.h"
#include "server/serving/checkpoint_service.h"
#include "trainyard/v1/dataset.grpc.pb.h"
#include "trainyard/v1/evaluation.grpc.pb.h"
#include "trainyard/v1/network.grpc.pb.h"
#include "trainyard/v1/training.grpc.pb.h"

namespace trainyard::server {

// Who makes a call: on a single-user server everybody is users/local.
Caller CallerOf(const grpc::ServerContextBase& context);

class DatasetRpc final : public v1::DatasetService::Service {
 public:
  explicit DatasetRpc(DatasetService& datasets) : datasets_(datasets) {}

  grpc::Status CreateDataset(grpc::ServerContext*, const v1::CreateDatasetRequest*,
                             v1::Dataset*) override;
  grpc::Status WriteDataset(grpc::ServerContext*, grpc::ServerReader<v1::WriteDatasetRequest>*,
                            v1::WriteDatasetResponse*) override;
  grpc::Status GetDataset(grpc::ServerContext*, const v1::GetDatasetRequest*,
                          v1::Dataset*) override;
  grpc::Status ListDatasets(grpc::ServerContext*, const v1::ListDatasetsRequest*,
                            v1::ListDatasetsResponse*) override;
  grpc::Status DeleteDataset(grpc::ServerContext*, const v1::DeleteDatasetRequest*,
                             google::protobuf::Empty*) override;
  grpc::Status PreviewDataset(grpc::ServerContext*, const v1::PreviewDatasetRequest*,
                              v1::PreviewDatasetResponse*) override;

 private:
  DatasetService& datasets_;
};

class NetworkRpc final : public v1::NetworkService::Service {
 public:
  explicit NetworkRpc(NetworkService& networks) : networks_(networks) {}

  grpc::Status CreateNetwork(grpc::ServerContext*, const v1::CreateNetworkRequest*,
                             v1::Network*) override;
  grpc::Status GetNetwork(grpc::ServerContext*, const v1::GetNetworkRequest*,
                          v1::Network*) override;
  grpc::Status ListNetworks(grpc::ServerContext*, const v1::ListNetworksRequest*,
                            v1::ListNetworksResponse*) override;
  grpc::Status DeleteNetwork(grpc::ServerContext*, const v1::DeleteNetworkRequest*,
                             google::protobuf::Empty*) override;

 private:
  NetworkService& networks_;
};

// Unary calls are synchronous; the streams are on the callback API and take raw
// bytes, so that an event is serialised once for all who watch.
class TrainingRpc final : public v1::TrainingService::WithRawCallbackMethod_WatchTrainingJob<
                              v1::TrainingService::WithRawCallbackMethod_WatchTrainingJobs<
                                  v1::TrainingService::Service>> {
 public:
  TrainingRpc(JobService& jobs, CheckpointService& checkpoints, WatchContext& watch)
      : jobs_(jobs), checkpoints_(checkpoints), watch_(watch) {}

  grpc::Status CreateTrainingJob(grpc::ServerContext*, const v1::CreateTrainingJobRequest*,
                                 v1::TrainingJob*) override;
  grpc::Status GetTrainingJob(grpc::ServerContext*, const v1::GetTrainingJobRequest*,
                              v1::TrainingJob*) override;
  grpc::Status ListTrainingJobs(grpc::ServerContext*, const v1::ListTrainingJobsRequest*,
                                v1::ListTrainingJobsResponse*) override;
  grpc::Status DeleteTrainingJob(grpc::ServerContext*, const v1::DeleteTrainingJobRequest*,
                                 google::protobuf::Empty*) override;
  grpc::Status CancelTrainingJob(grpc::ServerContext*, const v1::CancelTrainingJobRequest*,
                                 v1::TrainingJob*) override;
  grpc::Status PauseTrainingJob(grpc::ServerContext*, const v1::PauseTrainingJobRequest*,
                                v1::TrainingJob*) override;
  grpc::Status ResumeTrainingJob(grpc::ServerContext*, const v1::ResumeTrainingJobRequest*,
                                 v1::TrainingJob*) override;
  grpc::Status ForkTrainingJob(grpc::ServerContext*, const v1::ForkTrainingJobRequest*,
                               v1::TrainingJob*) override;
  grpc::Status VerifyTrainingJob(grpc::ServerContext*, const v1::VerifyTrainingJobRequest*,
                                 v1::TrainingJob*) override;
  grpc::Status ListTrainingEvents(grpc::ServerContext*, const v1::ListTrainingEventsRequest*,
                                  v1::ListTrainingEventsResponse*) override;
  grpc::Status ListCheckpoints(grpc::ServerContext*, const v1::ListCheckpointsRequest*,
                               v1::ListCheckpointsResponse*) override;
  grpc::Status ReadCheckpoint(grpc::ServerContext*, const v1::ReadCheckpointRequest*,
                              grpc::ServerWriter<v1::ReadCheckpointResponse>*) override;
  grpc::ServerWriteReactor<grpc::ByteBuffer>* WatchTrainingJob(
      grpc::CallbackServerContext* context, const grpc::ByteBuffer* request) override;
  grpc::ServerWriteReactor<grpc::ByteBuffer>* WatchTrainingJobs(
      grpc::CallbackServerContext* context, const grpc::ByteBuffer* request) override;

 private:
  JobService& jobs_;
  CheckpointService& checkpoints_;
  WatchContext& watch_;
};

class EvaluationRpc final : public v1::EvaluationService::Service {
 public:
  explicit EvaluationRpc(EvaluationService& evaluations) : evaluations_(evaluations) {}

  grpc::Status CreateEvaluation(grpc::ServerContext*, const v1::CreateEvaluationRequest*,
                                v1::Evaluation*) override;
  grpc::Status GetEvaluation(grpc::ServerContext*, const v1::GetEvaluationRequest*,
                             v1::Evaluation*) override;
  grpc::Status ListEvaluations(grpc::ServerContext*, const v1::ListEvaluationsRequest*,
                               v1::ListEvaluationsResponse*) override;
  grpc::Status GetConfusionMatrix(grpc::ServerContext*, const v1::GetConfusionMatrixRequest*,
                                  v1::ConfusionMatrix*) override;
  grpc::Status ListMisclassified(grpc::ServerContext*, const v1::ListMisclassifiedRequest*,
                                 v1::ListMisclassifiedResponse*) override;
  grpc::Status Predict(grpc::ServerContext*, const v1::PredictRequest*,
                       v1::PredictResponse*) override;

 private:
  EvaluationService& evaluations_;
};

}  // namespace trainyard::server

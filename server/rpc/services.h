// The public gRPC services. They translate: unpack, one call, map the status.
#pragma once

#include <grpcpp/grpcpp.h>

#include <functional>
#include <utility>

#include "server/auth/admin_service.h"
#include "server/auth/gatekeeper.h"
#include "server/auth/guess_limits.h"
#include "server/datasets/dataset_service.h"
#include "server/evaluations/evaluation_service.h"
#include "server/jobs/job_service.h"
#include "server/networks/network_service.h"
#include "server/rpc/watch_reactor.h"
#include "server/serving/checkpoint_service.h"
#include "trainyard/v1/admin.grpc.pb.h"
#include "trainyard/v1/dataset.grpc.pb.h"
#include "trainyard/v1/evaluation.grpc.pb.h"
#include "trainyard/v1/network.grpc.pb.h"
#include "trainyard/v1/training.grpc.pb.h"

namespace trainyard::server {

class DatasetRpc final : public v1::DatasetService::Service {
 public:
  DatasetRpc(Gatekeeper& gatekeeper, DatasetService& datasets)
      : gatekeeper_(gatekeeper), datasets_(datasets) {}

  grpc::Status CreateDataset(grpc::ServerContext*, const v1::CreateDatasetRequest*,
                             v1::Dataset*) override;
  grpc::Status WriteDataset(grpc::ServerContext*, grpc::ServerReader<v1::WriteDatasetRequest>*,
                            v1::WriteDatasetResponse*) override;
  grpc::Status GetDataset(grpc::ServerContext*, const v1::GetDatasetRequest*,
                          v1::Dataset*) override;
  grpc::Status ListDatasets(grpc::ServerContext*, const v1::ListDatasetsRequest*,
                            v1::ListDatasetsResponse*) override;
  grpc::Status UpdateDataset(grpc::ServerContext*, const v1::UpdateDatasetRequest*,
                             v1::Dataset*) override;
  grpc::Status DeleteDataset(grpc::ServerContext*, const v1::DeleteDatasetRequest*,
                             google::protobuf::Empty*) override;
  grpc::Status PreviewDataset(grpc::ServerContext*, const v1::PreviewDatasetRequest*,
                              v1::PreviewDatasetResponse*) override;

 private:
  Gatekeeper& gatekeeper_;
  DatasetService& datasets_;
};

class NetworkRpc final : public v1::NetworkService::Service {
 public:
  NetworkRpc(Gatekeeper& gatekeeper, NetworkService& networks)
      : gatekeeper_(gatekeeper), networks_(networks) {}

  grpc::Status CreateNetwork(grpc::ServerContext*, const v1::CreateNetworkRequest*,
                             v1::Network*) override;
  grpc::Status GetNetwork(grpc::ServerContext*, const v1::GetNetworkRequest*,
                          v1::Network*) override;
  grpc::Status ListNetworks(grpc::ServerContext*, const v1::ListNetworksRequest*,
                            v1::ListNetworksResponse*) override;
  grpc::Status UpdateNetwork(grpc::ServerContext*, const v1::UpdateNetworkRequest*,
                             v1::Network*) override;
  grpc::Status DeleteNetwork(grpc::ServerContext*, const v1::DeleteNetworkRequest*,
                             google::protobuf::Empty*) override;

 private:
  Gatekeeper& gatekeeper_;
  NetworkService& networks_;
};

// Unary calls are synchronous; the streams are on the callback API and take raw
// bytes, so that an event is serialised once for all who watch.
class TrainingRpc final : public v1::TrainingService::WithRawCallbackMethod_WatchTrainingJob<
                              v1::TrainingService::WithRawCallbackMethod_WatchTrainingJobs<
                                  v1::TrainingService::Service>> {
 public:
  TrainingRpc(Gatekeeper& gatekeeper, JobService& jobs, CheckpointService& checkpoints,
              EventHub& hub, WatchContext& watch)
      : gatekeeper_(gatekeeper), jobs_(jobs), checkpoints_(checkpoints), hub_(hub), watch_(watch) {}

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
  Gatekeeper& gatekeeper_;
  JobService& jobs_;
  CheckpointService& checkpoints_;
  EventHub& hub_;
  WatchContext& watch_;
};

class EvaluationRpc final : public v1::EvaluationService::Service {
 public:
  EvaluationRpc(Gatekeeper& gatekeeper, EvaluationService& evaluations)
      : gatekeeper_(gatekeeper), evaluations_(evaluations) {}

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
  Gatekeeper& gatekeeper_;
  EvaluationService& evaluations_;
};

class AdminRpc final : public v1::AdminService::Service {
 public:
  // `describe` says what the server is; `drain` begins to end it.
  AdminRpc(Gatekeeper& gatekeeper, AdminService& admin, JobService& jobs,
           std::function<v1::Server()> describe, std::function<void()> drain)
      : gatekeeper_(gatekeeper),
        admin_(admin),
        jobs_(jobs),
        describe_(std::move(describe)),
        drain_(std::move(drain)) {}

  grpc::Status JoinClass(grpc::ServerContext*, const v1::JoinClassRequest*,
                         v1::JoinClassResponse*) override;
  grpc::Status GetUser(grpc::ServerContext*, const v1::GetUserRequest*, v1::User*) override;
  grpc::Status ListUsers(grpc::ServerContext*, const v1::ListUsersRequest*,
                         v1::ListUsersResponse*) override;
  grpc::Status UpdateUser(grpc::ServerContext*, const v1::UpdateUserRequest*, v1::User*) override;
  grpc::Status CreateInvitation(grpc::ServerContext*, const v1::CreateInvitationRequest*,
                                v1::Invitation*) override;
  grpc::Status ListInvitations(grpc::ServerContext*, const v1::ListInvitationsRequest*,
                               v1::ListInvitationsResponse*) override;
  grpc::Status DeleteInvitation(grpc::ServerContext*, const v1::DeleteInvitationRequest*,
                                google::protobuf::Empty*) override;
  grpc::Status CreateToken(grpc::ServerContext*, const v1::CreateTokenRequest*,
                           v1::Token*) override;
  grpc::Status ListTokens(grpc::ServerContext*, const v1::ListTokensRequest*,
                          v1::ListTokensResponse*) override;
  grpc::Status DeleteToken(grpc::ServerContext*, const v1::DeleteTokenRequest*,
                           google::protobuf::Empty*) override;
  grpc::Status GetClassSettings(grpc::ServerContext*, const v1::GetClassSettingsRequest*,
                                v1::ClassSettings*) override;
  grpc::Status UpdateClassSettings(grpc::ServerContext*, const v1::UpdateClassSettingsRequest*,
                                   v1::ClassSettings*) override;
  grpc::Status GetQueue(grpc::ServerContext*, const v1::GetQueueRequest*, v1::Queue*) override;
  grpc::Status GetServer(grpc::ServerContext*, const v1::GetServerRequest*, v1::Server*) override;
  grpc::Status ListAuditEntries(grpc::ServerContext*, const v1::ListAuditEntriesRequest*,
                                v1::ListAuditEntriesResponse*) override;
  grpc::Status DrainServer(grpc::ServerContext*, const v1::DrainServerRequest*,
                           google::protobuf::Empty*) override;

 private:
  Gatekeeper& gatekeeper_;
  AdminService& admin_;
  JobService& jobs_;
  GuessLimits guesses_;
  const std::function<v1::Server()> describe_;
  const std::function<void()> drain_;
};

}  // namespace trainyard::server

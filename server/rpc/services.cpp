#include "server/rpc/services.h"

#include <chrono>
#include <string>

#include "server/convert/peer.h"
#include "server/rpc/answer.h"

namespace trainyard::server {
namespace {

// A client that goes away ends it.
grpc::Status SendFile(const absl::StatusOr<ExportedFile>& exported,
                      grpc::ServerWriter<v1::ReadCheckpointResponse>& writer) {
  if (!exported.ok()) return ToGrpcStatus(exported.status());
  v1::ReadCheckpointResponse message;
  message.set_size_bytes(exported->size_bytes);
  std::int64_t sent = 0;
  do {
    auto status = ReadChunk(*exported, sent, *message.mutable_chunk());
    if (!status.ok()) return ToGrpcStatus(status);
    sent += static_cast<std::int64_t>(message.chunk().size());
    if (!writer.Write(message)) break;
    message.clear_size_bytes();
  } while (sent < exported->size_bytes);
  return grpc::Status::OK;
}

// The gateway calls from within this process, and says for whom; what others say is
// not asked.
std::string CallsFrom(const grpc::ServerContext& context) {
  const std::string peer = context.peer();
  if (peer.starts_with("ipv")) return AddressOf(peer);
  const auto said = context.client_metadata().find(std::string(kPeerMetadata));
  if (said == context.client_metadata().end()) return "";
  return AddressOf({said->second.data(), said->second.size()});
}

}  // namespace

grpc::Status DatasetRpc::CreateDataset(grpc::ServerContext* context,
                                       const v1::CreateDatasetRequest* request,
                                       v1::Dataset* response) {
  return Serve(gatekeeper_, datasets_, &DatasetService::Create, *context, *request, response);
}

grpc::Status DatasetRpc::GetDataset(grpc::ServerContext* context,
                                    const v1::GetDatasetRequest* request, v1::Dataset* response) {
  return Serve(gatekeeper_, datasets_, &DatasetService::Get, *context, *request, response);
}

grpc::Status DatasetRpc::ListDatasets(grpc::ServerContext* context,
                                      const v1::ListDatasetsRequest* request,
                                      v1::ListDatasetsResponse* response) {
  return Serve(gatekeeper_, datasets_, &DatasetService::List, *context, *request, response);
}

grpc::Status DatasetRpc::UpdateDataset(grpc::ServerContext* context,
                                       const v1::UpdateDatasetRequest* request,
                                       v1::Dataset* response) {
  return Serve(gatekeeper_, datasets_, &DatasetService::Update, *context, *request, response);
}

grpc::Status DatasetRpc::DeleteDataset(grpc::ServerContext* context,
                                       const v1::DeleteDatasetRequest* request,
                                       google::protobuf::Empty* response) {
  return Serve(gatekeeper_, datasets_, &DatasetService::Delete, *context, *request, response);
}

grpc::Status DatasetRpc::PreviewDataset(grpc::ServerContext* context,
                                        const v1::PreviewDatasetRequest* request,
                                        v1::PreviewDatasetResponse* response) {
  return Serve(gatekeeper_, datasets_, &DatasetService::Preview, *context, *request, response);
}

grpc::Status DatasetRpc::WriteDataset(grpc::ServerContext* context,
                                      grpc::ServerReader<v1::WriteDatasetRequest>* reader,
                                      v1::WriteDatasetResponse* response) {
  auto admission = gatekeeper_.Admit(*context, *v1::WriteDatasetRequest::descriptor());
  if (!admission.ok()) return ToGrpcStatus(admission.status());
  absl::Status in;
  auto result = datasets_.Write(admission->caller, [&](v1::WriteDatasetRequest& message) {
    if (!reader->Read(&message)) return false;
    in = CheckStillAdmitted(admission->caller);
    return in.ok();
  });
  if (!in.ok()) return ToGrpcStatus(in);
  if (result.ok()) *response = *std::move(result);
  return ToGrpcStatus(result.status());
}

grpc::Status NetworkRpc::CreateNetwork(grpc::ServerContext* context,
                                       const v1::CreateNetworkRequest* request,
                                       v1::Network* response) {
  return Serve(gatekeeper_, networks_, &NetworkService::Create, *context, *request, response);
}

grpc::Status NetworkRpc::GetNetwork(grpc::ServerContext* context,
                                    const v1::GetNetworkRequest* request, v1::Network* response) {
  return Serve(gatekeeper_, networks_, &NetworkService::Get, *context, *request, response);
}

grpc::Status NetworkRpc::ListNetworks(grpc::ServerContext* context,
                                      const v1::ListNetworksRequest* request,
                                      v1::ListNetworksResponse* response) {
  return Serve(gatekeeper_, networks_, &NetworkService::List, *context, *request, response);
}

grpc::Status NetworkRpc::UpdateNetwork(grpc::ServerContext* context,
                                       const v1::UpdateNetworkRequest* request,
                                       v1::Network* response) {
  return Serve(gatekeeper_, networks_, &NetworkService::Update, *context, *request, response);
}

grpc::Status NetworkRpc::DeleteNetwork(grpc::ServerContext* context,
                                       const v1::DeleteNetworkRequest* request,
                                       google::protobuf::Empty* response) {
  return Serve(gatekeeper_, networks_, &NetworkService::Delete, *context, *request, response);
}

grpc::Status TrainingRpc::CreateTrainingJob(grpc::ServerContext* context,
                                            const v1::CreateTrainingJobRequest* request,
                                            v1::TrainingJob* response) {
  return Serve(gatekeeper_, jobs_, &JobService::Create, *context, *request, response);
}

grpc::Status TrainingRpc::GetTrainingJob(grpc::ServerContext* context,
                                         const v1::GetTrainingJobRequest* request,
                                         v1::TrainingJob* response) {
  return Serve(gatekeeper_, jobs_, &JobService::Get, *context, *request, response);
}

grpc::Status TrainingRpc::ListTrainingJobs(grpc::ServerContext* context,
                                           const v1::ListTrainingJobsRequest* request,
                                           v1::ListTrainingJobsResponse* response) {
  return Serve(gatekeeper_, jobs_, &JobService::List, *context, *request, response);
}

grpc::Status TrainingRpc::DeleteTrainingJob(grpc::ServerContext* context,
                                            const v1::DeleteTrainingJobRequest* request,
                                            google::protobuf::Empty* response) {
  return Serve(gatekeeper_, jobs_, &JobService::Delete, *context, *request, response);
}

grpc::Status TrainingRpc::CancelTrainingJob(grpc::ServerContext* context,
                                            const v1::CancelTrainingJobRequest* request,
                                            v1::TrainingJob* response) {
  return Serve(gatekeeper_, jobs_, &JobService::Cancel, *context, *request, response);
}

grpc::Status TrainingRpc::PauseTrainingJob(grpc::ServerContext* context,
                                           const v1::PauseTrainingJobRequest* request,
                                           v1::TrainingJob* response) {
  return Serve(gatekeeper_, jobs_, &JobService::Pause, *context, *request, response);
}

grpc::Status TrainingRpc::ResumeTrainingJob(grpc::ServerContext* context,
                                            const v1::ResumeTrainingJobRequest* request,
                                            v1::TrainingJob* response) {
  return Serve(gatekeeper_, jobs_, &JobService::Resume, *context, *request, response);
}

grpc::Status TrainingRpc::ForkTrainingJob(grpc::ServerContext* context,
                                          const v1::ForkTrainingJobRequest* request,
                                          v1::TrainingJob* response) {
  return Serve(gatekeeper_, jobs_, &JobService::Fork, *context, *request, response);
}

grpc::Status TrainingRpc::VerifyTrainingJob(grpc::ServerContext* context,
                                            const v1::VerifyTrainingJobRequest* request,
                                            v1::TrainingJob* response) {
  return Serve(gatekeeper_, jobs_, &JobService::Verify, *context, *request, response);
}

grpc::Status TrainingRpc::ListTrainingEvents(grpc::ServerContext* context,
                                             const v1::ListTrainingEventsRequest* request,
                                             v1::ListTrainingEventsResponse* response) {
  return Serve(gatekeeper_, jobs_, &JobService::ListEvents, *context, *request, response);
}

grpc::Status TrainingRpc::ListCheckpoints(grpc::ServerContext* context,
                                          const v1::ListCheckpointsRequest* request,
                                          v1::ListCheckpointsResponse* response) {
  return Serve(gatekeeper_, checkpoints_, &CheckpointService::List, *context, *request, response);
}

grpc::Status TrainingRpc::ReadCheckpoint(grpc::ServerContext* context,
                                         const v1::ReadCheckpointRequest* request,
                                         grpc::ServerWriter<v1::ReadCheckpointResponse>* writer) {
  auto admission = gatekeeper_.Admit(*context, *v1::ReadCheckpointRequest::descriptor());
  if (!admission.ok()) return ToGrpcStatus(admission.status());
  return SendFile(checkpoints_.Export(admission->caller, *request), *writer);
}

grpc::ServerWriteReactor<grpc::ByteBuffer>* TrainingRpc::WatchTrainingJob(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request) {
  auto admission = gatekeeper_.Admit(*context, *v1::WatchTrainingJobRequest::descriptor());
  auto source =
      admission.ok() ? WatchOneJob(hub_, admission->caller, *request) : Refusal(admission.status());
  return WatchReactor::Start(watch_, context, std::move(admission), std::move(source));
}

grpc::ServerWriteReactor<grpc::ByteBuffer>* TrainingRpc::WatchTrainingJobs(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request) {
  auto admission = gatekeeper_.Admit(*context, *v1::WatchTrainingJobsRequest::descriptor());
  auto source = admission.ok() ? WatchManyJobs(hub_, admission->caller, *request)
                               : Refusal(admission.status());
  return WatchReactor::Start(watch_, context, std::move(admission), std::move(source));
}

grpc::Status EvaluationRpc::CreateEvaluation(grpc::ServerContext* context,
                                             const v1::CreateEvaluationRequest* request,
                                             v1::Evaluation* response) {
  return Serve(gatekeeper_, evaluations_, &EvaluationService::Create, *context, *request, response);
}

grpc::Status EvaluationRpc::GetEvaluation(grpc::ServerContext* context,
                                          const v1::GetEvaluationRequest* request,
                                          v1::Evaluation* response) {
  return Serve(gatekeeper_, evaluations_, &EvaluationService::Get, *context, *request, response);
}

grpc::Status EvaluationRpc::ListEvaluations(grpc::ServerContext* context,
                                            const v1::ListEvaluationsRequest* request,
                                            v1::ListEvaluationsResponse* response) {
  return Serve(gatekeeper_, evaluations_, &EvaluationService::List, *context, *request, response);
}

grpc::Status EvaluationRpc::GetConfusionMatrix(grpc::ServerContext* context,
                                               const v1::GetConfusionMatrixRequest* request,
                                               v1::ConfusionMatrix* response) {
  return Serve(gatekeeper_, evaluations_, &EvaluationService::GetConfusionMatrix, *context,
               *request, response);
}

grpc::Status EvaluationRpc::ListMisclassified(grpc::ServerContext* context,
                                              const v1::ListMisclassifiedRequest* request,
                                              v1::ListMisclassifiedResponse* response) {
  return Serve(gatekeeper_, evaluations_, &EvaluationService::ListMisclassified, *context, *request,
               response);
}

grpc::Status EvaluationRpc::Predict(grpc::ServerContext* context, const v1::PredictRequest* request,
                                    v1::PredictResponse* response) {
  return Serve(gatekeeper_, evaluations_, &EvaluationService::Predict, *context, *request,
               response);
}

grpc::Status AdminRpc::JoinClass(grpc::ServerContext* context, const v1::JoinClassRequest* request,
                                 v1::JoinClassResponse* response) {
  const auto begun = std::chrono::steady_clock::now();
  const std::string from = CallsFrom(*context);
  const double now = std::chrono::duration<double>(begun.time_since_epoch()).count();
  if (auto may = guesses_.Take(from, now); !may.ok()) return Refuse(*request, may, begun);
  grpc::Status status =
      Serve(gatekeeper_, admin_, &AdminService::JoinClass, *context, *request, response);
  if (status.error_code() != grpc::StatusCode::PERMISSION_DENIED) guesses_.GiveBack(from);
  return status;
}

grpc::Status AdminRpc::GetUser(grpc::ServerContext* context, const v1::GetUserRequest* request,
                               v1::User* response) {
  return Serve(gatekeeper_, admin_, &AdminService::GetUser, *context, *request, response);
}

grpc::Status AdminRpc::ListUsers(grpc::ServerContext* context, const v1::ListUsersRequest* request,
                                 v1::ListUsersResponse* response) {
  return Serve(gatekeeper_, admin_, &AdminService::ListUsers, *context, *request, response);
}

grpc::Status AdminRpc::UpdateUser(grpc::ServerContext* context,
                                  const v1::UpdateUserRequest* request, v1::User* response) {
  return Serve(gatekeeper_, admin_, &AdminService::UpdateUser, *context, *request, response);
}

grpc::Status AdminRpc::CreateInvitation(grpc::ServerContext* context,
                                        const v1::CreateInvitationRequest* request,
                                        v1::Invitation* response) {
  return Serve(gatekeeper_, admin_, &AdminService::CreateInvitation, *context, *request, response);
}

grpc::Status AdminRpc::ListInvitations(grpc::ServerContext* context,
                                       const v1::ListInvitationsRequest* request,
                                       v1::ListInvitationsResponse* response) {
  return Serve(gatekeeper_, admin_, &AdminService::ListInvitations, *context, *request, response);
}

grpc::Status AdminRpc::DeleteInvitation(grpc::ServerContext* context,
                                        const v1::DeleteInvitationRequest* request,
                                        google::protobuf::Empty* response) {
  return Serve(gatekeeper_, admin_, &AdminService::DeleteInvitation, *context, *request, response);
}

grpc::Status AdminRpc::CreateToken(grpc::ServerContext* context,
                                   const v1::CreateTokenRequest* request, v1::Token* response) {
  return Serve(gatekeeper_, admin_, &AdminService::CreateToken, *context, *request, response);
}

grpc::Status AdminRpc::ListTokens(grpc::ServerContext* context,
                                  const v1::ListTokensRequest* request,
                                  v1::ListTokensResponse* response) {
  return Serve(gatekeeper_, admin_, &AdminService::ListTokens, *context, *request, response);
}

grpc::Status AdminRpc::DeleteToken(grpc::ServerContext* context,
                                   const v1::DeleteTokenRequest* request,
                                   google::protobuf::Empty* response) {
  return Serve(gatekeeper_, admin_, &AdminService::DeleteToken, *context, *request, response);
}

grpc::Status AdminRpc::GetClassSettings(grpc::ServerContext* context,
                                        const v1::GetClassSettingsRequest* request,
                                        v1::ClassSettings* response) {
  return Serve(gatekeeper_, admin_, &AdminService::GetClassSettings, *context, *request, response);
}

grpc::Status AdminRpc::UpdateClassSettings(grpc::ServerContext* context,
                                           const v1::UpdateClassSettingsRequest* request,
                                           v1::ClassSettings* response) {
  return Serve(gatekeeper_, admin_, &AdminService::UpdateClassSettings, *context, *request,
               response);
}

grpc::Status AdminRpc::GetQueue(grpc::ServerContext* context, const v1::GetQueueRequest* request,
                                v1::Queue* response) {
  return Serve(gatekeeper_, jobs_, &JobService::GetQueue, *context, *request, response);
}

grpc::Status AdminRpc::GetServer(grpc::ServerContext* context, const v1::GetServerRequest* request,
                                 v1::Server* response) {
  auto admission = gatekeeper_.Admit(*context, *request->GetDescriptor());
  if (admission.ok()) *response = describe_();
  return ToGrpcStatus(admission.status());
}

grpc::Status AdminRpc::ListAuditEntries(grpc::ServerContext* context,
                                        const v1::ListAuditEntriesRequest* request,
                                        v1::ListAuditEntriesResponse* response) {
  return Serve(gatekeeper_, admin_, &AdminService::ListAuditEntries, *context, *request, response);
}

grpc::Status AdminRpc::DrainServer(grpc::ServerContext* context,
                                   const v1::DrainServerRequest* request,
                                   google::protobuf::Empty*) {
  auto admission = gatekeeper_.Admit(*context, *request->GetDescriptor());
  if (admission.ok()) drain_();
  return ToGrpcStatus(admission.status());
}

}  // namespace trainyard::server

#include "server/rpc/services.h"

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

}  // namespace

Caller CallerOf(const grpc::ServerContextBase&) { return {"users/local"}; }

grpc::Status DatasetRpc::CreateDataset(grpc::ServerContext* context,
                                       const v1::CreateDatasetRequest* request,
                                       v1::Dataset* response) {
  return Answer(datasets_.Create(CallerOf(*context), *request), response);
}

grpc::Status DatasetRpc::WriteDataset(grpc::ServerContext* context,
                                      grpc::ServerReader<v1::WriteDatasetRequest>* reader,
                                      v1::WriteDatasetResponse* response) {
  return Answer(datasets_.Write(
                    CallerOf(*context),
                    [reader](v1::WriteDatasetRequest& message) { return reader->Read(&message); }),
                response);
}

grpc::Status DatasetRpc::GetDataset(grpc::ServerContext* context,
                                    const v1::GetDatasetRequest* request, v1::Dataset* response) {
  return Answer(datasets_.Get(CallerOf(*context), *request), response);
}

grpc::Status DatasetRpc::ListDatasets(grpc::ServerContext* context,
                                      const v1::ListDatasetsRequest* request,
                                      v1::ListDatasetsResponse* response) {
  return Answer(datasets_.List(CallerOf(*context), *request), response);
}

grpc::Status DatasetRpc::DeleteDataset(grpc::ServerContext* context,
                                       const v1::DeleteDatasetRequest* request,
                                       google::protobuf::Empty*) {
  return ToGrpcStatus(datasets_.Delete(CallerOf(*context), *request));
}

grpc::Status DatasetRpc::PreviewDataset(grpc::ServerContext* context,
                                        const v1::PreviewDatasetRequest* request,
                                        v1::PreviewDatasetResponse* response) {
  return Answer(datasets_.Preview(CallerOf(*context), *request), response);
}

grpc::Status NetworkRpc::CreateNetwork(grpc::ServerContext* context,
                                       const v1::CreateNetworkRequest* request,
                                       v1::Network* response) {
  return Answer(networks_.Create(CallerOf(*context), *request), response);
}

grpc::Status NetworkRpc::GetNetwork(grpc::ServerContext* context,
                                    const v1::GetNetworkRequest* request, v1::Network* response) {
  return Answer(networks_.Get(CallerOf(*context), *request), response);
}

grpc::Status NetworkRpc::ListNetworks(grpc::ServerContext* context,
                                      const v1::ListNetworksRequest* request,
                                      v1::ListNetworksResponse* response) {
  return Answer(networks_.List(CallerOf(*context), *request), response);
}

grpc::Status NetworkRpc::DeleteNetwork(grpc::ServerContext* context,
                                       const v1::DeleteNetworkRequest* request,
                                       google::protobuf::Empty*) {
  return ToGrpcStatus(networks_.Delete(CallerOf(*context), *request));
}

grpc::Status TrainingRpc::CreateTrainingJob(grpc::ServerContext* context,
                                            const v1::CreateTrainingJobRequest* request,
                                            v1::TrainingJob* response) {
  return Answer(jobs_.Create(CallerOf(*context), *request), response);
}

grpc::Status TrainingRpc::GetTrainingJob(grpc::ServerContext* context,
                                         const v1::GetTrainingJobRequest* request,
                                         v1::TrainingJob* response) {
  return Answer(jobs_.Get(CallerOf(*context), *request), response);
}

grpc::Status TrainingRpc::ListTrainingJobs(grpc::ServerContext* context,
                                           const v1::ListTrainingJobsRequest* request,
                                           v1::ListTrainingJobsResponse* response) {
  return Answer(jobs_.List(CallerOf(*context), *request), response);
}

grpc::Status TrainingRpc::DeleteTrainingJob(grpc::ServerContext* context,
                                            const v1::DeleteTrainingJobRequest* request,
                                            google::protobuf::Empty*) {
  return ToGrpcStatus(jobs_.Delete(CallerOf(*context), *request));
}

grpc::Status TrainingRpc::CancelTrainingJob(grpc::ServerContext* context,
                                            const v1::CancelTrainingJobRequest* request,
                                            v1::TrainingJob* response) {
  return Answer(jobs_.Cancel(CallerOf(*context), *request), response);
}

grpc::Status TrainingRpc::PauseTrainingJob(grpc::ServerContext* context,
                                           const v1::PauseTrainingJobRequest* request,
                                           v1::TrainingJob* response) {
  return Answer(jobs_.Pause(CallerOf(*context), *request), response);
}

grpc::Status TrainingRpc::ResumeTrainingJob(grpc::ServerContext* context,
                                            const v1::ResumeTrainingJobRequest* request,
                                            v1::TrainingJob* response) {
  return Answer(jobs_.Resume(CallerOf(*context), *request), response);
}

grpc::Status TrainingRpc::ForkTrainingJob(grpc::ServerContext* context,
                                          const v1::ForkTrainingJobRequest* request,
                                          v1::TrainingJob* response) {
  return Answer(jobs_.Fork(CallerOf(*context), *request), response);
}

grpc::Status TrainingRpc::VerifyTrainingJob(grpc::ServerContext* context,
                                            const v1::VerifyTrainingJobRequest* request,
                                            v1::TrainingJob* response) {
  return Answer(jobs_.Verify(CallerOf(*context), *request), response);
}

grpc::Status TrainingRpc::ListTrainingEvents(grpc::ServerContext* context,
                                             const v1::ListTrainingEventsRequest* request,
                                             v1::ListTrainingEventsResponse* response) {
  return Answer(jobs_.ListEvents(CallerOf(*context), *request), response);
}

grpc::Status TrainingRpc::ListCheckpoints(grpc::ServerContext* context,
                                          const v1::ListCheckpointsRequest* request,
                                          v1::ListCheckpointsResponse* response) {
  return Answer(checkpoints_.List(CallerOf(*context), *request), response);
}

grpc::Status TrainingRpc::ReadCheckpoint(grpc::ServerContext* context,
                                         const v1::ReadCheckpointRequest* request,
                                         grpc::ServerWriter<v1::ReadCheckpointResponse>* writer) {
  return SendFile(checkpoints_.Export(CallerOf(*context), *request), *writer);
}

grpc::ServerWriteReactor<grpc::ByteBuffer>* TrainingRpc::WatchTrainingJob(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request) {
  return WatchReactor::Start(watch_, context,
                             WatchOneJob(watch_.hub, CallerOf(*context), *request));
}

grpc::ServerWriteReactor<grpc::ByteBuffer>* TrainingRpc::WatchTrainingJobs(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request) {
  return WatchReactor::Start(watch_, context,
                             WatchManyJobs(watch_.hub, CallerOf(*context), *request));
}

grpc::Status EvaluationRpc::CreateEvaluation(grpc::ServerContext* context,
                                             const v1::CreateEvaluationRequest* request,
                                             v1::Evaluation* response) {
  return Answer(evaluations_.Create(CallerOf(*context), *request), response);
}

grpc::Status EvaluationRpc::GetEvaluation(grpc::ServerContext* context,
                                          const v1::GetEvaluationRequest* request,
                                          v1::Evaluation* response) {
  return Answer(evaluations_.Get(CallerOf(*context), *request), response);
}

grpc::Status EvaluationRpc::ListEvaluations(grpc::ServerContext* context,
                                            const v1::ListEvaluationsRequest* request,
                                            v1::ListEvaluationsResponse* response) {
  return Answer(evaluations_.List(CallerOf(*context), *request), response);
}

grpc::Status EvaluationRpc::GetConfusionMatrix(grpc::ServerContext* context,
                                               const v1::GetConfusionMatrixRequest* request,
                                               v1::ConfusionMatrix* response) {
  return Answer(evaluations_.GetConfusionMatrix(CallerOf(*context), *request), response);
}

grpc::Status EvaluationRpc::ListMisclassified(grpc::ServerContext* context,
                                              const v1::ListMisclassifiedRequest* request,
                                              v1::ListMisclassifiedResponse* response) {
  return Answer(evaluations_.ListMisclassified(CallerOf(*context), *request), response);
}

grpc::Status EvaluationRpc::Predict(grpc::ServerContext* context, const v1::PredictRequest* request,
                                    v1::PredictResponse* response) {
  return Answer(evaluations_.Predict(CallerOf(*context), *request), response);
}

}  // namespace trainyard::server

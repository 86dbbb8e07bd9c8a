// Jobs that keep weights as served models: the calls of the inference protocol.
#pragma once

#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "inference/inference.pb.h"
#include "server/resources/names.h"
#include "server/serving/model_directory.h"
#include "server/serving/model_statistics.h"
#include "server/serving/serving_worker.h"
#include "server/store/store.h"

namespace trainyard::server {

// Errors as the proto says. Any thread.
class InferenceService {
 public:
  InferenceService(Store& store, ServingWorker& serving) : models_(store), serving_(serving) {}

  absl::StatusOr<inference::ModelReadyResponse> Ready(const Caller& caller,
                                                      const inference::ModelReadyRequest& request);
  absl::StatusOr<inference::ServerMetadataResponse> Metadata(
      const Caller& caller, const inference::ServerMetadataRequest& request);
  absl::StatusOr<inference::ModelMetadataResponse> ModelMetadata(
      const Caller& caller, const inference::ModelMetadataRequest& request);
  absl::StatusOr<inference::ModelConfigResponse> Config(
      const Caller& caller, const inference::ModelConfigRequest& request);
  absl::StatusOr<inference::ModelStatisticsResponse> Statistics(
      const Caller& caller, const inference::ModelStatisticsRequest& request);
  absl::StatusOr<inference::RepositoryIndexResponse> Index(
      const Caller& caller, const inference::RepositoryIndexRequest& request);

  // Called exactly once, on any thread, which it must not block.
  using Done = std::function<void(absl::Status)>;
  // Runs the rows of `request` and fills in `response`; both stay where they are
  // until `done`.
  void Infer(const Caller& caller, const inference::ModelInferRequest& request,
             inference::ModelInferResponse& response, Done done);

 private:
  // One request on its way.
  struct Call;

  void Send(std::shared_ptr<Call> call);
  void Answer(const std::shared_ptr<Call>& call, absl::StatusOr<Frame> answer);

  ModelDirectory models_;
  ServingWorker& serving_;
  StatisticsLog statistics_;
};

}  // namespace trainyard::server

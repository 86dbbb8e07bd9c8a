#include "server/serving/inference_service.h"

#include <chrono>
#include <utility>

#include "core/base/error.h"
#include "server/serving/tensors.h"

namespace trainyard::server {
namespace {

using Clock = std::chrono::steady_clock;

// The newest weights may be dropped for newer ones before they are read.
constexpr int kTries = 5;

}  // namespace

struct InferenceService::Call {
  const Caller caller;
  const inference::ModelInferRequest& request;
  inference::ModelInferResponse& response;
  const Done done;
  const Clock::time_point begin = Clock::now();
  std::shared_ptr<const ServedVersion> model = nullptr;
  int tries = 0;
};

absl::StatusOr<inference::ModelReadyResponse> InferenceService::Ready(
    const Caller& caller, const inference::ModelReadyRequest& request) {
  const auto model = models_.Find(caller, "name", request.name(), request.version());
  if (!model.ok() && !absl::IsNotFound(model.status())) return model.status();
  inference::ModelReadyResponse response;
  response.set_ready(model.ok());
  return response;
}

absl::StatusOr<inference::ServerMetadataResponse> InferenceService::Metadata(
    const Caller&, const inference::ServerMetadataRequest&) {
  inference::ServerMetadataResponse response;
  response.set_name("trainyard");
  response.set_version(TRAINYARD_VERSION);
  for (const char* extension : {"model_configuration", "statistics"}) {
    response.add_extensions(extension);
  }
  return response;
}

absl::StatusOr<inference::ModelMetadataResponse> InferenceService::ModelMetadata(
    const Caller& caller, const inference::ModelMetadataRequest& request) {
  const auto model = models_.Find(caller, "name", request.name(), request.version());
  if (!model.ok()) return model.status();
  inference::ModelMetadataResponse response;
  Describe(**model, response);
  return response;
}

absl::StatusOr<inference::ModelConfigResponse> InferenceService::Config(
    const Caller& caller, const inference::ModelConfigRequest& request) {
  const auto model = models_.Find(caller, "name", request.name(), request.version());
  if (!model.ok()) return model.status();
  inference::ModelConfigResponse response;
  Describe(**model, *response.mutable_config());
  return response;
}

absl::StatusOr<inference::ModelStatisticsResponse> InferenceService::Statistics(
    const Caller& caller, const inference::ModelStatisticsRequest& request) {
  inference::ModelStatisticsResponse response;
  if (request.name().empty()) {
    // Of the caller's own: user.job begins with their id.
    const std::string own = caller.user.substr(caller.user.find('/') + 1) + ".";
    statistics_.Read([&](const auto& one) { return one.name().starts_with(own); }, response);
    return response;
  }
  const auto model = models_.Find(caller, "name", request.name(), request.version());
  if (!model.ok()) return model.status();
  statistics_.Read(
      [&](const auto& one) {
        return one.name() == (*model)->name &&
               (request.version().empty() || one.version() == request.version());
      },
      response);
  if (response.model_stats().empty()) {
    auto& unused = *response.add_model_stats();
    unused.set_name((*model)->name);
    unused.set_version((*model)->version);
  }
  return response;
}

absl::StatusOr<inference::RepositoryIndexResponse> InferenceService::Index(
    const Caller& caller, const inference::RepositoryIndexRequest&) {
  inference::RepositoryIndexResponse response;
  const auto status = models_.List(caller, [&](const auto& name, const auto& version) {
    auto& model = *response.add_models();
    model.set_name(name);
    model.set_version(version);
    model.set_state("READY");
  });
  if (!status.ok()) return status;
  return response;
}

void InferenceService::Infer(const Caller& caller, const inference::ModelInferRequest& request,
                             inference::ModelInferResponse& response, Done done) {
  Send(std::make_shared<Call>(Call{caller, request, response, std::move(done)}));
}

void InferenceService::Send(std::shared_ptr<Call> call) {
  const auto& request = call->request;
  auto model =
      models_.Find(call->caller, "model_name", request.model_name(), request.model_version());
  if (!model.ok()) return call->done(model.status());
  call->model = *std::move(model);
  auto rows = RowsOf(request, *call->model);
  absl::Status status = rows.status();
  if (status.ok()) status = CheckOutputs(request, *call->model);
  if (!status.ok()) {
    statistics_.Failed(call->model->name, call->model->version, Clock::now() - call->begin);
    return call->done(status);
  }
  OutgoingFrame frame;
  frame.header.kind = FrameKind::kInfer;
  frame.header.type = rows->type;
  frame.header.rows = rows->rows;
  frame.key = call->model->key;
  frame.body = rows->bytes;
  frame.owner = std::move(rows->owner);
  serving_.Request(std::move(frame), [this, call = std::move(call)](absl::StatusOr<Frame> answer) {
    Answer(call, std::move(answer));
  });
}

void InferenceService::Answer(const std::shared_ptr<Call>& call, absl::StatusOr<Frame> answer) {
  const ServedVersion& model = *call->model;
  if (answer.ok()) {
    FillResponse(call->request, model, *answer, call->response);
    statistics_.Succeeded(model.name, model.version, answer->header, Clock::now() - call->begin);
    return call->done(absl::OkStatus());
  }
  if (absl::IsNotFound(answer.status()) && ++call->tries < kTries) return Send(call);
  statistics_.Failed(model.name, model.version, Clock::now() - call->begin);
  call->done(answer.status());
}

}  // namespace trainyard::server

// Runs a dataset through kept weights.
#include <stop_token>
#include <utility>
#include <variant>

#include "core/eval/evaluation.h"
#include "server/convert/evaluation.h"
#include "server/convert/status.h"
#include "server/worker/model.h"
#include "server/worker/tasks.h"

namespace trainyard::server {
namespace {

absl::StatusOr<EvaluationResult> Measure(const WorkerContext& context,
                                         const worker::v1::EvaluateTask& task,
                                         const std::stop_token& stop) {
  auto model = LoadModel(context, task.model());
  if (!model.ok()) return model.status();
  auto dataset = OpenDataset(context, task.dataset());
  if (!dataset.ok()) return dataset.status();
  auto result = std::visit(
      [&](const auto& state) {
        return Evaluate(model->network, state.parameters, model->checkpoint.header.scaling,
                        *dataset, 1, stop);
      },
      model->checkpoint.state);
  if (!result) return absl::CancelledError("the evaluation was stopped");
  return *std::move(result);
}

}  // namespace

void RunEvaluation(const WorkerContext& context, const worker::v1::EvaluateTask& task,
                   Session& session) {
  const auto result = Measure(context, task, session.stop());
  worker::v1::WorkerMessage message;
  worker::v1::EvaluationOutcome& outcome = *message.mutable_evaluation_outcome();
  if (result.ok()) {
    Describe(*result, outcome.mutable_evaluation());
    for (const auto& row : result->misclassified) *outcome.add_misclassified() = ToProto(row);
  } else {
    *outcome.mutable_error() = ToRpcStatus(result.status());
  }
  session.Finish(message);
}

}  // namespace trainyard::server

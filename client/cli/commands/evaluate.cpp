// trainyard evaluate J --dataset D [--epoch E]

#include <optional>

#include "client/cli/commands/command.h"
#include "client/cli/commands/commands.h"
#include "client/cli/evaluation_view.h"
#include "client/cli/polling.h"
#include "client/cli/report.h"
#include "client/lib/names.h"

namespace trainyard::client {
namespace {

struct Options {
  std::string job;
  std::string dataset;
  std::optional<int> epoch;
};

grpc::Status Wait(Context& context, v1::Evaluation* evaluation) {
  v1::GetEvaluationRequest request;
  request.set_name(evaluation->name());
  const auto finished = [evaluation] { return evaluation->state() != v1::Evaluation::RUNNING; };
  if (finished()) return grpc::Status::OK;
  return PollUntil(
      [&] {
        return context.connection().Call(&v1::EvaluationService::Stub::GetEvaluation, request,
                                         evaluation);
      },
      finished);
}

int Run(Context& context, const Options& options) {
  v1::CreateEvaluationRequest request;
  request.set_parent(FullName("jobs", options.job));
  request.mutable_evaluation()->set_dataset(FullName("datasets", options.dataset));
  if (options.epoch) request.mutable_evaluation()->set_epoch(*options.epoch);
  request.set_request_id(NewRequestId());
  v1::Evaluation evaluation;
  grpc::Status status = context.connection().Call(&v1::EvaluationService::Stub::CreateEvaluation,
                                                  request, &evaluation);
  if (status.ok()) status = Wait(context, &evaluation);
  if (!status.ok()) return ReportError(context, status);
  if (evaluation.state() == v1::Evaluation::FAILED) {
    return ReportFailure(context, "evaluation failed", evaluation.error());
  }
  PrintEvaluation(context, evaluation);
  return kDone;
}

}  // namespace

void AddEvaluate(CLI::App& app, Context& context) {
  auto [command, options] =
      AddCommand<Options>(app, context, "evaluate", "Evaluate a job's weights on a dataset", Run);
  command.add_option("JOB", options.job, "Id, or full resource name")->required();
  command.add_option("--dataset", options.dataset, "Dataset to evaluate on")->required();
  command.add_option("--epoch", options.epoch, "Weights of this epoch (default: the last kept)");
}

}  // namespace trainyard::client

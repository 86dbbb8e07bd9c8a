// trainyard evaluation show E

#include "client/cli/commands/command.h"
#include "client/cli/commands/commands.h"
#include "client/cli/evaluation_lookup.h"
#include "client/cli/evaluation_view.h"
#include "client/cli/report.h"

namespace trainyard::client {
namespace {

int Run(Context& context, const NameOptions& options) {
  std::string name;
  v1::Evaluation evaluation;
  grpc::Status status = FindEvaluation(context, options.name, &name);
  if (status.ok()) {
    v1::GetEvaluationRequest request;
    request.set_name(name);
    status = context.connection().Call(&v1::EvaluationService::Stub::GetEvaluation, request,
                                       &evaluation);
  }
  if (!status.ok()) return ReportError(context, status);
  PrintEvaluation(context, evaluation);
  return kDone;
}

}  // namespace

void AddEvaluationShow(CLI::App& group, Context& context) {
  AddNamedCommand(group, context, "show",
                  "Show an evaluation: JOB/EVALUATION, a full name, or an id alone", Run);
}

}  // namespace trainyard::client

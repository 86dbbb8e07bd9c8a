// trainyard evaluation list J

#include "client/cli/commands/command.h"
#include "client/cli/commands/commands.h"
#include "client/cli/evaluation_view.h"
#include "client/cli/report.h"
#include "client/lib/names.h"

namespace trainyard::client {
namespace {

struct Options {
  std::string job;
};

int Run(Context& context, const Options& options) {
  v1::ListEvaluationsRequest request;
  request.set_parent(FullName("jobs", options.job));
  request.set_page_size(1000);
  v1::ListEvaluationsResponse evaluations;
  const grpc::Status status = ListAll(
      context.connection(), &v1::EvaluationService::Stub::ListEvaluations, request, &evaluations);
  if (!status.ok()) return ReportError(context, status);
  PrintEvaluations(context, evaluations);
  return kDone;
}

}  // namespace

void AddEvaluationList(CLI::App& group, Context& context) {
  auto [command, options] =
      AddCommand<Options>(group, context, "list", "List a job's evaluations", Run);
  command.add_option("JOB", options.job, "Id, or full resource name")->required();
}

}  // namespace trainyard::client

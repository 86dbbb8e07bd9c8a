// trainyard job show J

#include "client/cli/commands/command.h"
#include "client/cli/commands/commands.h"
#include "client/cli/job_view.h"
#include "client/cli/report.h"

namespace trainyard::client {
namespace {

int Run(Context& context, const NameOptions& options) {
  v1::TrainingJob job;
  const grpc::Status status = GetJob(context, options.name, &job);
  if (!status.ok()) return ReportError(context, status);
  PrintJob(context, job);
  return kDone;
}

}  // namespace

void AddJobShow(CLI::App& group, Context& context) {
  AddNamedCommand(group, context, "show", "Show a job", Run);
}

}  // namespace trainyard::client

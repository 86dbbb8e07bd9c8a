// trainyard job resume J

#include "client/cli/commands/command.h"
#include "client/cli/commands/commands.h"
#include "client/cli/job_view.h"
#include "client/cli/report.h"
#include "client/lib/names.h"

namespace trainyard::client {
namespace {

int Run(Context& context, const NameOptions& options) {
  v1::ResumeTrainingJobRequest request;
  request.set_name(FullName("jobs", options.name));
  request.set_request_id(NewRequestId());
  v1::TrainingJob job;
  const grpc::Status status =
      context.connection().Call(&v1::TrainingService::Stub::ResumeTrainingJob, request, &job);
  if (!status.ok()) return ReportError(context, status);
  PrintJob(context, job);
  return kDone;
}

}  // namespace

void AddJobResume(CLI::App& group, Context& context) {
  AddNamedCommand(group, context, "resume", "Queue a paused job again", Run);
}

}  // namespace trainyard::client

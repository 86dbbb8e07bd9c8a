// trainyard job resume J [--watch]

#include "client/cli/commands/command.h"
#include "client/cli/commands/commands.h"
#include "client/cli/job_view.h"
#include "client/cli/live/watch_run.h"
#include "client/cli/report.h"
#include "client/lib/names.h"

namespace trainyard::client {
namespace {

struct Options {
  std::string name;
  bool watch = false;
};

int Run(Context& context, const Options& options) {
  v1::ResumeTrainingJobRequest request;
  request.set_name(FullName("jobs", options.name));
  request.set_request_id(NewRequestId());
  v1::TrainingJob job;
  const grpc::Status status =
      context.connection().Call(&v1::TrainingService::Stub::ResumeTrainingJob, request, &job);
  if (!status.ok()) return ReportError(context, status);
  if (!options.watch) {
    PrintJob(context, job);
    return kDone;
  }
  PrintNewJob(context, job, true);
  const WatchOutcome outcome = WatchAndPrint(context, job, job.last_sequence());
  if (outcome.code != kDone) return outcome.code;
  return outcome.state == v1::TrainingJob::SUCCEEDED ? kDone : kFailed;
}

}  // namespace

void AddJobResume(CLI::App& group, Context& context) {
  auto [command, options] =
      AddCommand<Options>(group, context, "resume", "Queue a paused job again", Run);
  command.add_option("NAME", options.name, "Id, or full resource name")->required();
  command.add_flag("--watch", options.watch, "Follow the job until it ends");
}

}  // namespace trainyard::client

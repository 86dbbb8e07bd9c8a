// trainyard job watch J [--after SEQ] [--exit-status]

#include "client/cli/commands/command.h"
#include "client/cli/commands/commands.h"
#include "client/cli/job_view.h"
#include "client/cli/live/watch_run.h"
#include "client/cli/report.h"

namespace trainyard::client {
namespace {

struct Options {
  std::string name;
  std::int64_t after = 0;
  bool exit_status = false;
};

int Run(Context& context, const Options& options) {
  v1::TrainingJob job;
  grpc::Status status = GetJob(context, options.name, &job);
  if (!status.ok()) return ReportError(context, status);
  const WatchOutcome outcome = WatchAndPrint(context, job, options.after);
  if (outcome.code != kDone || !options.exit_status) return outcome.code;
  // The event that ended it may lie before --after.
  status = GetJob(context, options.name, &job);
  if (!status.ok()) return ReportError(context, status);
  return job.state() == v1::TrainingJob::SUCCEEDED ? kDone : kFailed;
}

}  // namespace

void AddJobWatch(CLI::App& group, Context& context) {
  auto [command, options] =
      AddCommand<Options>(group, context, "watch", "Follow a job's events until it ends", Run);
  command.add_option("NAME", options.name, "Id, or full resource name")->required();
  command.add_option("--after", options.after, "Events after this sequence")
      ->type_name("SEQ")
      ->capture_default_str();
  command.add_flag("--exit-status", options.exit_status, "Exit with 1 unless the job SUCCEEDED");
}

}  // namespace trainyard::client

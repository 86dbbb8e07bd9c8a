// trainyard job wait J

#include "client/cli/commands/command.h"
#include "client/cli/commands/commands.h"
#include "client/cli/job_view.h"
#include "client/cli/report.h"
#include "client/lib/job_watch.h"

namespace trainyard::client {
namespace {

// Only the end of the stream matters.
class Silence : public JobObserver {
 public:
  void OnEvent(const v1::TrainingEvent&) override {}
};

int Run(Context& context, const NameOptions& options) {
  v1::TrainingJob job;
  grpc::Status status = GetJob(context, options.name, &job);
  if (status.ok() && !HasEnded(job.state())) {
    Silence silence;
    JobWatch::Options watch;
    watch.job = job.name();
    watch.after_sequence = job.last_sequence();
    status = JobWatch(context.connection(), watch).Run(silence);
    if (status.ok()) status = GetJob(context, options.name, &job);
  }
  if (!status.ok()) return ReportError(context, status);
  PrintJob(context, job);
  return job.state() == v1::TrainingJob::SUCCEEDED ? kDone : kFailed;
}

}  // namespace

void AddJobWait(CLI::App& group, Context& context) {
  AddNamedCommand(group, context, "wait",
                  "Wait until a job has ended; exit with 1 unless SUCCEEDED", Run);
}

}  // namespace trainyard::client

// trainyard job logs J [--tail N]

#include <algorithm>

#include "client/cli/commands/command.h"
#include "client/cli/commands/commands.h"
#include "client/cli/job_events.h"
#include "client/cli/job_view.h"
#include "client/cli/live/plain_watch.h"
#include "client/cli/report.h"
#include "client/cli/term/format.h"
#include "client/cli/term/text.h"

namespace trainyard::client {
namespace {

struct Options {
  std::string name;
  int tail = 0;
};

void Print(Context& context, const v1::TrainingJob& job, const v1::TrainingEvent& event) {
  if (context.json) return PrintJson(context, event);
  context.out() << Painted(context.look(), Paint::kDim, LocalSecond(event.time())) << "  "
                << EventLine(event, job.spec().epochs()) << "\n";
}

int Run(Context& context, const Options& options) {
  v1::TrainingJob job;
  grpc::Status status = GetJob(context, options.name, &job);
  if (!status.ok()) return ReportError(context, status);
  // Sequences have no gaps, so that the last ones are where they must be.
  std::int64_t after = std::max<std::int64_t>(0, job.first_sequence() - 1);
  if (options.tail > 0) after = std::max(after, job.last_sequence() - options.tail);
  status = ForEachEvent(context.connection(), job.name(), after,
                        [&](const v1::TrainingEvent& event) { Print(context, job, event); });
  context.out() << std::flush;
  return status.ok() ? kDone : ReportError(context, status);
}

}  // namespace

void AddJobLogs(CLI::App& group, Context& context) {
  auto [command, options] = AddCommand<Options>(
      group, context, "logs", "What has happened to a job so far, with the time of each", Run);
  command.add_option("NAME", options.name, "Id, or full resource name")->required();
  command.add_option("--tail", options.tail, "The last ones only (default: all)")
      ->check(CLI::Range(1, 1'000'000'000))
      ->type_name("N");
}

}  // namespace trainyard::client

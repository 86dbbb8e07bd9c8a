// trainyard job compare J1 J2 ...

#include "client/cli/commands/command.h"
#include "client/cli/commands/commands.h"
#include "client/cli/job_comparison.h"
#include "client/cli/job_events.h"
#include "client/cli/job_view.h"
#include "client/cli/report.h"

namespace trainyard::client {
namespace {

struct Options {
  std::vector<std::string> names;
};

grpc::Status Read(Context& context, const std::string& name, ComparedJob& one) {
  const grpc::Status status = GetJob(context, name, &one.job);
  if (!status.ok()) return status;
  const std::int64_t before = std::max<std::int64_t>(0, one.job.first_sequence() - 1);
  return ForEachEvent(context.connection(), one.job.name(), before, [&](const auto& event) {
    if (event.has_epoch()) one.epochs.push_back(event.epoch());
  });
}

int Run(Context& context, const Options& options) {
  std::vector<ComparedJob> jobs;
  for (const std::string& name : options.names) {
    const grpc::Status status = Read(context, name, jobs.emplace_back());
    if (!status.ok()) return ReportError(context, status);
  }
  if (!context.json) {
    context.out() << RenderComparison(context.look(), jobs);
    return kDone;
  }
  v1::ListTrainingJobsResponse all;
  for (const ComparedJob& one : jobs) *all.add_jobs() = one.job;
  PrintJson(context, all);
  return kDone;
}

}  // namespace

void AddJobCompare(CLI::App& group, Context& context) {
  auto [command, options] = AddCommand<Options>(
      group, context, "compare", "Put jobs beside each other: settings, results and costs", Run);
  command.add_option("NAME", options.names, "Ids, or full resource names")
      ->required()
      ->expected(2, 8);
}

}  // namespace trainyard::client

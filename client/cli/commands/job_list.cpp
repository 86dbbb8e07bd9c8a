// trainyard job list [--everyone] [--watch]

#include "client/cli/commands/command.h"
#include "client/cli/commands/commands.h"
#include "client/cli/job_view.h"
#include "client/cli/live/refresh.h"
#include "client/lib/names.h"

namespace trainyard::client {
namespace {

struct Options : ListOptions {
  bool watch = false;
};

grpc::Status Fetch(Context& context, const Options& options, std::string& text) {
  v1::ListTrainingJobsRequest request;
  request.set_parent(options.parent());
  request.set_page_size(1000);
  v1::ListTrainingJobsResponse jobs;
  const grpc::Status status =
      ListAll(context.connection(), &v1::TrainingService::Stub::ListTrainingJobs, request, &jobs);
  if (status.ok()) text = RenderJobs(context, jobs, options.everyone);
  return status;
}

int Run(Context& context, const Options& options) {
  const auto fetch = [&](std::string& text) { return Fetch(context, options, text); };
  // The newest come last.
  return options.watch ? ShowUntilInterrupted(context, Keep::kLast, fetch)
                       : ShowOnce(context, fetch);
}

}  // namespace

void AddJobList(CLI::App& group, Context& context) {
  auto [command, options] = AddCommand<Options>(group, context, "list", "List jobs", Run);
  AddEveryone(command, options);
  command.add_flag("--watch", options.watch, "Show the list again as it changes, until Ctrl-C");
}

}  // namespace trainyard::client

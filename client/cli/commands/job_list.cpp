// trainyard job list

#include "client/cli/commands/command.h"
#include "client/cli/commands/commands.h"
#include "client/cli/job_view.h"
#include "client/cli/report.h"
#include "client/lib/names.h"

namespace trainyard::client {
namespace {

struct Options {};

int Run(Context& context, const Options&) {
  v1::ListTrainingJobsRequest request;
  request.set_parent(std::string(kMe));
  request.set_page_size(1000);
  v1::ListTrainingJobsResponse jobs;
  const grpc::Status status =
      ListAll(context.connection(), &v1::TrainingService::Stub::ListTrainingJobs, request, &jobs);
  if (!status.ok()) return ReportError(context, status);
  PrintJobs(context, jobs);
  return kDone;
}

}  // namespace

void AddJobList(CLI::App& group, Context& context) {
  AddCommand<Options>(group, context, "list", "List jobs", Run);
}

}  // namespace trainyard::client

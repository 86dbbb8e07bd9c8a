// trainyard job delete J

#include "client/cli/commands/command.h"
#include "client/cli/commands/commands.h"
#include "client/cli/report.h"
#include "client/lib/names.h"

namespace trainyard::client {
namespace {

int Run(Context& context, const NameOptions& options) {
  v1::DeleteTrainingJobRequest request;
  request.set_name(FullName("jobs", options.name));
  request.set_request_id(NewRequestId());
  google::protobuf::Empty nothing;
  const grpc::Status status =
      context.connection().Call(&v1::TrainingService::Stub::DeleteTrainingJob, request, &nothing);
  if (!status.ok()) return ReportError(context, status);
  PrintDeleted(context, "job", options.name);
  return kDone;
}

}  // namespace

void AddJobDelete(CLI::App& group, Context& context) {
  AddNamedCommand(group, context, "delete", "Delete a job that has ended, with its evaluations",
                  Run);
}

}  // namespace trainyard::client

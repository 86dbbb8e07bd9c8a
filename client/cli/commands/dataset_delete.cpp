// trainyard dataset delete NAME

#include "client/cli/commands/command.h"
#include "client/cli/commands/commands.h"
#include "client/cli/dataset_maker.h"
#include "client/cli/report.h"
#include "client/lib/names.h"

namespace trainyard::client {
namespace {

int Run(Context& context, const NameOptions& options) {
  const grpc::Status status = DeleteDataset(context, FullName("datasets", options.name));
  if (!status.ok()) return ReportError(context, status);
  PrintDeleted(context, "dataset", options.name);
  return kDone;
}

}  // namespace

void AddDatasetDelete(CLI::App& group, Context& context) {
  AddNamedCommand(group, context, "delete", "Delete a dataset", Run);
}

}  // namespace trainyard::client

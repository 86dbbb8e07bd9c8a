// trainyard dataset show NAME

#include "client/cli/commands/command.h"
#include "client/cli/commands/commands.h"
#include "client/cli/dataset_view.h"
#include "client/cli/report.h"
#include "client/lib/names.h"

namespace trainyard::client {
namespace {

int Run(Context& context, const NameOptions& options) {
  v1::GetDatasetRequest request;
  request.set_name(FullName("datasets", options.name));
  v1::Dataset dataset;
  const grpc::Status status =
      context.connection().Call(&v1::DatasetService::Stub::GetDataset, request, &dataset);
  if (!status.ok()) return ReportError(context, status);
  PrintDataset(context, dataset);
  return kDone;
}

}  // namespace

void AddDatasetShow(CLI::App& group, Context& context) {
  AddNamedCommand(group, context, "show", "Show a dataset and how its labels are spread", Run);
}

}  // namespace trainyard::client

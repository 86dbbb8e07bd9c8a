// trainyard dataset list [--everyone]

#include "client/cli/commands/command.h"
#include "client/cli/commands/commands.h"
#include "client/cli/dataset_view.h"
#include "client/cli/report.h"
#include "client/lib/names.h"

namespace trainyard::client {
namespace {

int Run(Context& context, const ListOptions& options) {
  v1::ListDatasetsRequest request;
  request.set_parent(options.parent());
  request.set_page_size(1000);
  v1::ListDatasetsResponse datasets;
  const grpc::Status status =
      ListAll(context.connection(), &v1::DatasetService::Stub::ListDatasets, request, &datasets);
  if (!status.ok()) return ReportError(context, status);
  PrintDatasets(context, datasets, options.everyone);
  return kDone;
}

}  // namespace

void AddDatasetList(CLI::App& group, Context& context) {
  auto [command, options] = AddCommand<ListOptions>(group, context, "list", "List datasets", Run);
  AddEveryone(command, options);
}

}  // namespace trainyard::client

// trainyard dataset list

#include "client/cli/commands/command.h"
#include "client/cli/commands/commands.h"
#include "client/cli/dataset_view.h"
#include "client/cli/report.h"
#include "client/lib/names.h"

namespace trainyard::client {
namespace {

struct Options {};

int Run(Context& context, const Options&) {
  v1::ListDatasetsRequest request;
  request.set_parent(std::string(kMe));
  request.set_page_size(1000);
  v1::ListDatasetsResponse datasets;
  const grpc::Status status =
      ListAll(context.connection(), &v1::DatasetService::Stub::ListDatasets, request, &datasets);
  if (!status.ok()) return ReportError(context, status);
  PrintDatasets(context, datasets);
  return kDone;
}

}  // namespace

void AddDatasetList(CLI::App& group, Context& context) {
  AddCommand<Options>(group, context, "list", "List datasets", Run);
}

}  // namespace trainyard::client

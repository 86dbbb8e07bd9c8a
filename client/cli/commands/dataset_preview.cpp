// trainyard dataset preview NAME --row N

#include "client/cli/commands/command.h"
#include "client/cli/commands/commands.h"
#include "client/cli/dataset_view.h"
#include "client/cli/report.h"
#include "client/lib/names.h"

namespace trainyard::client {
namespace {

struct Options {
  std::string name;
  std::int64_t row = 0;
  int count = 1;
};

int Run(Context& context, const Options& options) {
  v1::PreviewDatasetRequest request;
  request.set_name(FullName("datasets", options.name));
  request.set_start_row(options.row);
  request.set_row_count(options.count);
  v1::PreviewDatasetResponse preview;
  const grpc::Status status =
      context.connection().Call(&v1::DatasetService::Stub::PreviewDataset, request, &preview);
  if (!status.ok()) return ReportError(context, status);
  PrintRows(context, preview);
  return kDone;
}

}  // namespace

void AddDatasetPreview(CLI::App& group, Context& context) {
  auto [command, options] =
      AddCommand<Options>(group, context, "preview", "Show rows; images are drawn", Run);
  command.add_option("NAME", options.name, "Id, or full resource name")->required();
  command.add_option("--row", options.row, "First row, from 0")->capture_default_str();
  command.add_option("--count", options.count, "Rows, at most 100")->capture_default_str();
}

}  // namespace trainyard::client

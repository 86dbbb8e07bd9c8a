// trainyard evaluation misclassified E [--limit N]

#include <algorithm>

#include "client/cli/commands/command.h"
#include "client/cli/commands/commands.h"
#include "client/cli/evaluation_lookup.h"
#include "client/cli/evaluation_view.h"
#include "client/cli/report.h"

namespace trainyard::client {
namespace {

struct Options {
  std::string name;
  int limit = 0;
};

// Pages until the limit; 0 is all.
grpc::Status List(Context& context, v1::ListMisclassifiedRequest request, int limit,
                  v1::ListMisclassifiedResponse* all) {
  do {
    request.set_page_size(limit == 0 ? 1000 : std::min(1000, limit - all->rows_size()));
    v1::ListMisclassifiedResponse page;
    const grpc::Status status =
        context.connection().Call(&v1::EvaluationService::Stub::ListMisclassified, request, &page);
    if (!status.ok()) return status;
    request.set_page_token(page.next_page_token());
    page.clear_next_page_token();
    all->MergeFrom(page);
  } while (!request.page_token().empty() && (limit == 0 || all->rows_size() < limit));
  return grpc::Status::OK;
}

int Run(Context& context, const Options& options) {
  std::string name;
  v1::ListMisclassifiedResponse rows;
  grpc::Status status = FindEvaluation(context, options.name, &name);
  if (status.ok()) {
    v1::ListMisclassifiedRequest request;
    request.set_parent(name);
    status = List(context, request, options.limit, &rows);
  }
  if (!status.ok()) return ReportError(context, status);
  PrintMisclassified(context, rows);
  return kDone;
}

}  // namespace

void AddEvaluationMisclassified(CLI::App& group, Context& context) {
  auto [command, options] = AddCommand<Options>(group, context, "misclassified",
                                                "List the rows that were classified wrongly", Run);
  command.add_option("NAME", options.name, "JOB/EVALUATION, a full name, or an id alone")
      ->required();
  command.add_option("--limit", options.limit, "Rows at most (default: all)")
      ->check(CLI::Range(0, 1'000'000'000));
}

}  // namespace trainyard::client

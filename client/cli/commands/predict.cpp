// trainyard predict J --dataset D --row N | --file F

#include <fstream>
#include <iterator>
#include <optional>

#include "absl/strings/str_cat.h"
#include "client/cli/commands/command.h"
#include "client/cli/commands/commands.h"
#include "client/cli/evaluation_view.h"
#include "client/cli/options.h"
#include "client/cli/report.h"
#include "client/lib/names.h"

namespace trainyard::client {
namespace {

struct Options {
  std::string job;
  std::string dataset;
  std::vector<std::int64_t> rows;
  std::string file;
  std::optional<int> epoch;
};

absl::StatusOr<v1::PredictRequest> MakeRequest(const Options& options) {
  v1::PredictRequest request;
  request.set_name(FullName("jobs", options.job));
  if (options.epoch) request.set_epoch(*options.epoch);
  if (options.file.empty() == options.dataset.empty() ||
      options.dataset.empty() == !options.rows.empty()) {
    return absl::InvalidArgumentError("predict needs --dataset with --row, or --file alone");
  }
  if (options.file.empty()) {
    v1::DatasetRows& rows = *request.mutable_dataset_rows();
    rows.set_dataset(FullName("datasets", options.dataset));
    for (const std::int64_t row : options.rows) rows.add_rows(row);
    return request;
  }
  std::ifstream stream(options.file);
  const std::string csv{std::istreambuf_iterator<char>(stream), {}};
  const auto rows = ParseRows(csv);
  if (!rows.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(options.file, ": ", rows.status().message()));
  }
  for (const std::vector<float>& row : *rows) {
    *request.mutable_rows()->add_rows()->mutable_features() = {row.begin(), row.end()};
  }
  return request;
}

int Run(Context& context, const Options& options) {
  const absl::StatusOr<v1::PredictRequest> request = MakeRequest(options);
  if (!request.ok()) return ReportUsage(context, request.status());
  v1::PredictResponse response;
  const grpc::Status status =
      context.connection().Call(&v1::EvaluationService::Stub::Predict, *request, &response);
  if (!status.ok()) return ReportError(context, status);
  PrintPredictions(context, *request, response);
  return kDone;
}

}  // namespace

void AddPredict(CLI::App& app, Context& context) {
  auto [command, options] =
      AddCommand<Options>(app, context, "predict", "Run rows through a job's network", Run);
  command.add_option("JOB", options.job, "Id, or full resource name")->required();
  command.add_option("--dataset", options.dataset, "Dataset that holds the row");
  command.add_option("--row", options.rows, "Row of the dataset, from 0; may be repeated")
      ->allow_extra_args(false);
  command.add_option("--file", options.file, "CSV of raw feature rows, without labels")
      ->check(CLI::ExistingFile);
  command.add_option("--epoch", options.epoch, "Weights of this epoch (default: the last kept)");
}

}  // namespace trainyard::client

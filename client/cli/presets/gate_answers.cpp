#include "client/cli/presets/gate_answers.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "client/cli/report.h"
#include "client/cli/term/table.h"
#include "client/lib/names.h"

namespace trainyard::client {
namespace {

constexpr int kRows = 4;

// gate-xor as XOR.
std::string GateOf(const v1::TrainingJob& job) {
  const std::string id = BareId(job.spec().dataset());
  return absl::AsciiStrToUpper(absl::StripPrefix(id, "gate-"));
}

grpc::Status Ask(Context& context, const v1::TrainingJob& job, v1::PredictResponse* response) {
  v1::PredictRequest request;
  request.set_name(job.name());
  request.mutable_dataset_rows()->set_dataset(job.spec().dataset());
  for (int row = 0; row < kRows; ++row) request.mutable_dataset_rows()->add_rows(row);
  return context.connection().Call(&v1::EvaluationService::Stub::Predict, request, response);
}

std::vector<std::string> RowOf(const Look& look, const v1::TrainingJob& job,
                               const v1::PredictResponse& response) {
  std::vector<std::string> cells = {GateOf(job)};
  std::string rounded;
  std::string truth;
  for (const v1::Prediction& prediction : response.predictions()) {
    const double output = prediction.outputs_size() > 0 ? prediction.outputs(0) : 0;
    cells.push_back(absl::StrFormat("%.4f", output));
    absl::StrAppend(&rounded, output >= 0.5 ? 1 : 0);
    absl::StrAppend(&truth, prediction.label());
  }
  const bool right = rounded == truth;
  cells.insert(cells.end(),
               {rounded, truth,
                Painted(look, right ? Paint::kGood : Paint::kBad, right ? "right" : "wrong")});
  return cells;
}

}  // namespace

int PrintGateAnswers(Context& context, const std::vector<v1::TrainingJob>& jobs) {
  Table table({{"GATE"},
               {"00", Align::kRight},
               {"01", Align::kRight},
               {"10", Align::kRight},
               {"11", Align::kRight},
               {"ROUNDED"},
               {"TRUTH"},
               {""}});
  for (const v1::TrainingJob& job : jobs) {
    v1::PredictResponse response;
    const grpc::Status status = Ask(context, job, &response);
    if (!status.ok()) return ReportError(context, status);
    if (context.json) {
      PrintJson(context, response);
    } else {
      table.AddRow(RowOf(context.look(), job, response));
    }
  }
  if (!context.json) context.out() << "\n" << table.Render(context.look());
  return kDone;
}

}  // namespace trainyard::client

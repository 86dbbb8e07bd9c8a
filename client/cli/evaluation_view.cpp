#include "client/cli/evaluation_view.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "client/cli/report.h"
#include "client/cli/term/bars.h"
#include "client/cli/term/format.h"
#include "client/cli/term/matrix.h"
#include "client/cli/term/table.h"
#include "client/lib/error.h"
#include "client/lib/names.h"

namespace trainyard::client {
namespace {

std::string Ratio(double value) { return absl::StrFormat("%.4f", value); }

std::string Accuracy(const Look& look, const v1::Evaluation& evaluation) {
  const std::string percent = Painted(look, Paint::kBold, Percent(evaluation.accuracy()));
  if (evaluation.limited()) return percent;
  const std::int64_t right = evaluation.row_count() - evaluation.misclassified_count();
  return absl::StrCat(percent, "  (", Thousands(right), " of ", Thousands(evaluation.row_count()),
                      ")");
}

std::string Describe(const Look& look, const v1::Evaluation& evaluation) {
  Properties properties;
  properties.Add("evaluation", evaluation.name());
  if (evaluation.state() != v1::Evaluation::SUCCEEDED) {
    properties.Add("state", v1::Evaluation::State_Name(evaluation.state()));
    if (evaluation.has_error()) properties.Add("error", DecodeError(evaluation.error()).message);
    return properties.Render(look);
  }
  properties.Add("dataset", evaluation.dataset());
  if (evaluation.has_epoch()) properties.Add("epoch", absl::StrCat(evaluation.epoch()));
  // Of a hidden dataset what is not told is not there, which is not 0.
  const bool all = !evaluation.limited();
  if (all || evaluation.row_count() > 0) {
    properties.Add("rows", Thousands(evaluation.row_count()));
  }
  if (all) {
    properties.Add("cost", absl::StrCat(Number(evaluation.cost()), "  (mean ",
                                        Number(evaluation.mean_cost()), ")"));
  }
  if (evaluation.has_accuracy()) {
    properties.Add("accuracy", Accuracy(look, evaluation));
  }
  if (evaluation.has_regression()) {
    const v1::RegressionMetrics& metrics = evaluation.regression();
    properties.Add("R squared", metrics.has_r_squared() ? Number(metrics.r_squared())
                                                        : "undefined: the targets do not vary");
    if (all) {
      properties.Add("mean absolute error", Number(metrics.mean_absolute_error()));
      properties.Add("root mean squared error", Number(metrics.root_mean_squared_error()));
    }
  }
  if (!all) properties.Add("told", "what its owner lets be known: the dataset is hidden");
  return properties.Render(look);
}

// The notebook's two scorecards, side by side with what follows from them.
std::string Scorecards(const Look& look, const v1::Evaluation& evaluation) {
  Table table({{"class", Align::kRight},
               {"success", Align::kRight},
               {"failure", Align::kRight},
               {"precision", Align::kRight},
               {"recall", Align::kRight},
               {"F1", Align::kRight},
               {""}});
  const v1::Scorecard& card = evaluation.scorecard();
  for (int k = 0; k < evaluation.class_metrics_size(); ++k) {
    const v1::ClassMetrics& metrics = evaluation.class_metrics(k);
    const std::int64_t success = k < card.success_size() ? card.success(k) : 0;
    const std::int64_t failure = k < card.failure_size() ? card.failure(k) : 0;
    table.AddRow({absl::StrCat(metrics.class_index()), Thousands(success),
                  failure == 0 ? "0" : Painted(look, Paint::kBad, Thousands(failure)),
                  Ratio(metrics.precision()), Ratio(metrics.recall()), Ratio(metrics.f1()),
                  look.unicode ? ProgressBar(look, metrics.recall(), 16) : ""});
  }
  return table.Render(look);
}

std::string OutputsOf(const v1::Prediction& prediction) {
  return absl::StrJoin(prediction.outputs(), " ", [](std::string* text, double value) {
    absl::StrAppend(text, absl::StrFormat("%.4f", value));
  });
}

// The row's name: of the dataset, or its place in the file.
std::string RowName(const v1::PredictRequest& request, int index) {
  if (!request.has_dataset_rows()) return absl::StrCat(index);
  return index < request.dataset_rows().rows_size()
             ? absl::StrCat(request.dataset_rows().rows(index))
             : "?";
}

// One prediction: the output vector as bars.
void PrintOne(Context& context, const v1::PredictRequest& request,
              const v1::Prediction& prediction) {
  const Look look = context.look();
  std::string text = absl::StrCat("row ", RowName(request, 0));
  if (prediction.has_class_index()) {
    absl::StrAppend(&text, "  predicted ",
                    Painted(look, Paint::kBold, absl::StrCat(prediction.class_index())));
  }
  if (prediction.has_label()) {
    const bool right = prediction.label() == prediction.class_index();
    absl::StrAppend(&text, "  label ", prediction.label(), "  ",
                    Painted(look, right ? Paint::kGood : Paint::kBad, right ? "right" : "wrong"));
  }
  for (const float target : prediction.targets()) {
    absl::StrAppend(&text, "  target ", Number(double{target}));
  }
  context.out() << text << "\n";
  for (int k = 0; k < prediction.outputs_size(); ++k) {
    const double output = prediction.outputs(k);
    const bool chosen = prediction.has_class_index() && prediction.class_index() == k;
    const std::string value = absl::StrFormat("%3d  %9.6f  ", k, output);
    context.out() << (chosen ? Painted(look, Paint::kBold, value) : value)
                  << (prediction.has_class_index() ? ProgressBar(look, output, 30) : "") << "\n";
  }
}

}  // namespace

void PrintEvaluation(Context& context, const v1::Evaluation& evaluation) {
  if (context.json) return PrintJson(context, evaluation);
  const Look look = context.look();
  context.out() << Describe(look, evaluation);
  if (evaluation.class_metrics_size() > 0) {
    context.out() << "\n" << Scorecards(look, evaluation);
  }
  if (evaluation.has_confusion_matrix()) {
    context.out() << "\n" << RenderConfusionMatrix(look, evaluation.confusion_matrix());
  }
  if (evaluation.misclassified_count() > 0) {
    context.out() << "\nlargest confusions\n"
                  << RenderConfusions(evaluation.confusion_matrix(), 3) << "rows: trainyard "
                  << "evaluation misclassified " << BareId(evaluation.name()) << "\n";
  }
}

void PrintEvaluations(Context& context, const v1::ListEvaluationsResponse& evaluations) {
  if (context.json) return PrintJson(context, evaluations);
  Table table({{"NAME"},
               {"STATE"},
               {"DATASET"},
               {"EPOCH", Align::kRight},
               {"ROWS", Align::kRight},
               {"MEAN COST", Align::kRight},
               {"ACCURACY", Align::kRight},
               {"CREATED"}});
  for (const v1::Evaluation& evaluation : evaluations.evaluations()) {
    const bool done = evaluation.state() == v1::Evaluation::SUCCEEDED;
    table.AddRow({BareId(evaluation.name()), v1::Evaluation::State_Name(evaluation.state()),
                  BareId(evaluation.dataset()),
                  evaluation.has_epoch() ? absl::StrCat(evaluation.epoch()) : "",
                  done && evaluation.row_count() > 0 ? Thousands(evaluation.row_count()) : "",
                  done && !evaluation.limited() ? Number(evaluation.mean_cost()) : "",
                  evaluation.has_accuracy() ? Percent(evaluation.accuracy()) : "",
                  LocalTime(evaluation.create_time())});
  }
  context.out() << (table.empty() ? "no evaluations; make one with: trainyard evaluate JOB "
                                    "--dataset DATASET\n"
                                  : table.Render(context.look()));
}

void PrintMisclassified(Context& context, const v1::ListMisclassifiedResponse& rows) {
  if (context.json) return PrintJson(context, rows);
  Table table({{"ROW", Align::kRight}, {"LABEL", Align::kRight}, {"PREDICTED", Align::kRight}});
  for (const v1::MisclassifiedRow& row : rows.rows()) {
    table.AddRow(
        {absl::StrCat(row.row()), absl::StrCat(row.label()), absl::StrCat(row.predicted())});
  }
  context.out() << (table.empty() ? "no misclassified rows\n" : table.Render(context.look()));
}

void PrintPredictions(Context& context, const v1::PredictRequest& request,
                      const v1::PredictResponse& response) {
  if (context.json) return PrintJson(context, response);
  if (response.predictions_size() == 1) {
    return PrintOne(context, request, response.predictions(0));
  }
  Table table({{"ROW", Align::kRight},
               {"PREDICTED", Align::kRight},
               {"LABEL", Align::kRight},
               {"OUTPUTS"}});
  for (int i = 0; i < response.predictions_size(); ++i) {
    const v1::Prediction& prediction = response.predictions(i);
    table.AddRow({RowName(request, i),
                  prediction.has_class_index() ? absl::StrCat(prediction.class_index()) : "",
                  prediction.has_label() ? absl::StrCat(prediction.label()) : "",
                  OutputsOf(prediction)});
  }
  context.out() << table.Render(context.look());
}

}  // namespace trainyard::client

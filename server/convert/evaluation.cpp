#include "server/convert/evaluation.h"

namespace trainyard::server {
namespace {

void DescribeClasses(const ConfusionMatrix& confusion, v1::Evaluation* message) {
  message->mutable_confusion_matrix()->set_size(confusion.size);
  message->mutable_confusion_matrix()->mutable_counts()->Assign(confusion.counts.begin(),
                                                                confusion.counts.end());
  const auto metrics = MetricsOf(confusion);
  for (int truth = 0; truth < confusion.size; ++truth) {
    const ClassMetrics& one = metrics[static_cast<std::size_t>(truth)];
    const std::int64_t success = confusion.at(truth, truth);
    message->mutable_scorecard()->add_success(success);
    message->mutable_scorecard()->add_failure(one.support - success);
    v1::ClassMetrics& added = *message->add_class_metrics();
    added.set_class_index(truth);
    added.set_support(one.support);
    added.set_precision(one.precision);
    added.set_recall(one.recall);
    added.set_f1(one.f1);
  }
}

}  // namespace

void Describe(const EvaluationResult& result, v1::Evaluation* message) {
  message->set_row_count(result.rows);
  message->set_cost(result.cost);
  if (result.rows > 0) message->set_mean_cost(result.cost / static_cast<double>(result.rows));
  message->set_misclassified_count(static_cast<std::int64_t>(result.misclassified.size()));
  if (result.accuracy) message->set_accuracy(*result.accuracy);
  if (result.regression) {
    v1::RegressionMetrics& metrics = *message->mutable_regression();
    if (result.regression->r_squared) metrics.set_r_squared(*result.regression->r_squared);
    metrics.set_mean_absolute_error(result.regression->mean_absolute_error);
    metrics.set_root_mean_squared_error(result.regression->root_mean_squared_error);
  } else {
    DescribeClasses(result.confusion, message);
  }
}

v1::MisclassifiedRow ToProto(const MisclassifiedRow& row) {
  v1::MisclassifiedRow message;
  message.set_row(row.row);
  message.set_label(row.label);
  message.set_predicted(row.predicted);
  return message;
}

}  // namespace trainyard::server

#include "core/eval/evaluation.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/eval/dataset_pass.h"

namespace trainyard {
namespace {

double Ratio(std::int64_t part, std::int64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

// Sums for R^2, MAE and RMSE.
class RegressionSums {
 public:
  explicit RegressionSums(const Dataset& dataset)
      : columns_(static_cast<std::size_t>(dataset.target_count())), means_(columns_, 0) {
    const std::span<const float> targets = dataset.targets();
    for (std::size_t i = 0; i < targets.size(); ++i) {
      means_[i % columns_] += static_cast<double>(targets[i]);
    }
    for (double& mean : means_)
      mean /= static_cast<double>(std::max(dataset.rows(), std::int64_t{1}));
  }

  template <typename T>
  void Add(std::span<const T> y, std::span<const T> t) {
    for (std::size_t i = 0; i < y.size(); ++i) {
      const double error = static_cast<double>(t[i]) - static_cast<double>(y[i]);
      const double deviation = static_cast<double>(t[i]) - means_[i];
      absolute_ += std::abs(error);
      squared_ += error * error;
      variation_ += deviation * deviation;
      ++count_;
    }
  }

  RegressionMetrics Metrics() const {
    RegressionMetrics metrics;
    if (count_ == 0) return metrics;
    // Undefined where the targets never vary.
    if (variation_ > 0) metrics.r_squared = 1 - squared_ / variation_;
    metrics.mean_absolute_error = absolute_ / static_cast<double>(count_);
    metrics.root_mean_squared_error = std::sqrt(squared_ / static_cast<double>(count_));
    return metrics;
  }

 private:
  std::size_t columns_;
  std::vector<double> means_;
  double absolute_ = 0;
  double squared_ = 0;
  double variation_ = 0;
  std::int64_t count_ = 0;
};

void Count(EvaluationResult& result, std::int64_t row, int label, int predicted) {
  const auto cell =
      static_cast<std::size_t>(label) * static_cast<std::size_t>(result.confusion.size);
  ++result.confusion.counts[cell + static_cast<std::size_t>(predicted)];
  if (label != predicted) result.misclassified.push_back({row, label, predicted});
}

}  // namespace

std::vector<ClassMetrics> MetricsOf(const ConfusionMatrix& confusion) {
  std::vector<ClassMetrics> metrics(static_cast<std::size_t>(confusion.size));
  for (int c = 0; c < confusion.size; ++c) {
    std::int64_t predicted = 0;
    ClassMetrics& of_class = metrics[static_cast<std::size_t>(c)];
    for (int other = 0; other < confusion.size; ++other) {
      of_class.support += confusion.at(c, other);
      predicted += confusion.at(other, c);
    }
    const std::int64_t hits = confusion.at(c, c);
    of_class.precision = Ratio(hits, predicted);
    of_class.recall = Ratio(hits, of_class.support);
    // 2 P R / (P + R), with the common factors cancelled.
    of_class.f1 = Ratio(2 * hits, predicted + of_class.support);
  }
  return metrics;
}

template <typename T>
std::optional<EvaluationResult> Evaluate(const NetworkSpec& network,
                                         const Parameters<T>& parameters, const Scaling& scaling,
                                         const Dataset& dataset, int threads,
                                         std::stop_token stop) {
  EvaluationResult result;
  result.rows = dataset.rows();
  const PackedNetwork<T> packed(network, parameters);
  ThreadTeam team(threads);
  DatasetPass<T> pass(network, scaling, dataset, team);
  if (dataset.task() == Task::kRegression) {
    RegressionSums sums(dataset);
    const auto add = [&](std::int64_t, std::span<const T> y, std::span<const T> t, double loss) {
      result.cost += loss;
      sums.Add(y, t);
    };
    if (!pass.Run(packed, add, std::move(stop))) return std::nullopt;
    result.regression = sums.Metrics();
    return result;
  }
  result.confusion.size = ClassesOf(network);
  const auto size = static_cast<std::size_t>(result.confusion.size);
  result.confusion.counts.resize(size * size);
  const auto count = [&](std::int64_t row, std::span<const T> y, std::span<const T>, double loss) {
    result.cost += loss;
    Count(result, row, dataset.labels()[static_cast<std::size_t>(row)],
          PredictedClass<T>(network, y));
  };
  if (!pass.Run(packed, count, std::move(stop))) return std::nullopt;
  result.accuracy =
      Ratio(result.rows - static_cast<std::int64_t>(result.misclassified.size()), result.rows);
  return result;
}

template <typename T>
std::vector<T> Forward(const NetworkSpec& network, const Parameters<T>& parameters,
                       const Scaling& scaling, std::span<const float> raw, std::int64_t rows) {
  const PackedNetwork<T> packed(network, parameters);
  const std::int64_t max_rows = std::min(RowsAtOnce(network), std::max(rows, std::int64_t{1}));
  InputBatch<T> inputs(scaling, network.inputs, max_rows);
  BatchForward<T> forward(network, max_rows);
  const auto features = static_cast<std::size_t>(network.inputs);
  std::vector<T> outputs;
  for (std::int64_t first = 0; first < rows; first += max_rows) {
    const std::int64_t count = std::min(max_rows, rows - first);
    inputs.Clear();
    for (std::int64_t row = first; row < first + count; ++row) {
      inputs.Append(raw.subspan(static_cast<std::size_t>(row) * features, features));
    }
    forward.Run(packed, inputs.rows());
    for (std::int64_t row = 0; row < count; ++row) {
      const std::span<const T> y = forward.OutputsOf(row);
      outputs.insert(outputs.end(), y.begin(), y.end());
    }
  }
  return outputs;
}

template <typename T>
int PredictedClass(const NetworkSpec& network, std::span<const T> outputs) {
  if (outputs.size() == 1) {
    const bool tanh = network.layers.back().activation == Activation::kTanh;
    return outputs[0] > (tanh ? T{0} : T{0.5}) ? 1 : 0;
  }
  return static_cast<int>(std::ranges::max_element(outputs) - outputs.begin());
}

int ClassesOf(const NetworkSpec& network) { return network.outputs() == 1 ? 2 : network.outputs(); }

template std::optional<EvaluationResult> Evaluate(const NetworkSpec&, const Parameters<float>&,
                                                  const Scaling&, const Dataset&, int,
                                                  std::stop_token);
template std::optional<EvaluationResult> Evaluate(const NetworkSpec&, const Parameters<double>&,
                                                  const Scaling&, const Dataset&, int,
                                                  std::stop_token);
template std::vector<float> Forward(const NetworkSpec&, const Parameters<float>&, const Scaling&,
                                    std::span<const float>, std::int64_t);
template std::vector<double> Forward(const NetworkSpec&, const Parameters<double>&, const Scaling&,
                                     std::span<const float>, std::int64_t);
template int PredictedClass(const NetworkSpec&, std::span<const float>);
template int PredictedClass(const NetworkSpec&, std::span<const double>);

}  // namespace trainyard

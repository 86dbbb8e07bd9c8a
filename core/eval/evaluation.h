// How well weights do on a dataset.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <stop_token>
#include <vector>

#include "core/data/dataset.h"
#include "core/data/scaling.h"
#include "core/nn/network.h"
#include "core/nn/parameters.h"

namespace trainyard {

// counts[truth * size + prediction], size x size.
struct ConfusionMatrix {
  int size = 0;
  std::vector<std::int64_t> counts;
  std::int64_t at(int truth, int prediction) const {
    return counts[static_cast<std::size_t>(truth) * size + prediction];
  }
};

// One class against the rest; a ratio over nothing is 0.
struct ClassMetrics {
  std::int64_t support = 0;
  double precision = 0;
  double recall = 0;
  double f1 = 0;
};

struct MisclassifiedRow {
  std::int64_t row = 0;
  int label = 0;
  int predicted = 0;
};

// Over all rows and targets; R^2 is about each target's own mean.
struct RegressionMetrics {
  std::optional<double> r_squared;
  double mean_absolute_error = 0;
  double root_mean_squared_error = 0;
};

struct EvaluationResult {
  std::int64_t rows = 0;
  // Loss summed over the rows.
  double cost = 0;
  // Classification.
  std::optional<double> accuracy;
  ConfusionMatrix confusion;
  std::vector<MisclassifiedRow> misclassified;
  // Regression.
  std::optional<RegressionMetrics> regression;
};

// Precision, recall and F1 of each class.
std::vector<ClassMetrics> MetricsOf(const ConfusionMatrix& confusion);

// Runs the whole dataset through the network, in batches. The dataset must fit
// (CheckFit). The matrix has the network's size: its outputs, or 2 for one
// output. The number of threads does not change the result. Nothing where `stop`
// ended it early.
template <typename T>
std::optional<EvaluationResult> Evaluate(const NetworkSpec& network,
                                         const Parameters<T>& parameters, const Scaling& scaling,
                                         const Dataset& dataset, int threads = 1,
                                         std::stop_token stop = {});

// The output vectors of `rows` raw rows (row-major, rows x inputs), row-major.
template <typename T>
std::vector<T> Forward(const NetworkSpec& network, const Parameters<T>& parameters,
                       const Scaling& scaling, std::span<const float> raw, std::int64_t rows);

// The class that an output vector stands for: the index of its largest entry;
// for one output 1 above the threshold (0.5; 0 for tanh), else 0.
template <typename T>
int PredictedClass(const NetworkSpec& network, std::span<const T> outputs);

// The number of classes a network tells apart: its outputs, or 2 for one.
int ClassesOf(const NetworkSpec& network);

}  // namespace trainyard

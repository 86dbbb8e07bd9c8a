#include "core/data/scaling.h"

#include <cmath>
#include <cstddef>

namespace trainyard {
namespace {

// Calls visit(feature, raw value) for every value, row by row.
template <typename Visitor>
void ForEachValue(const Dataset& dataset, Visitor visit) {
  std::vector<float> row(static_cast<std::size_t>(dataset.features()));
  for (std::int64_t r = 0; r < dataset.rows(); ++r) {
    dataset.CopyRow(r, row);
    for (std::size_t i = 0; i < row.size(); ++i) visit(i, static_cast<double>(row[i]));
  }
}

}  // namespace

Scaling FitScaling(ScalingKind kind, const Dataset& training_set) {
  Scaling scaling;
  scaling.kind = kind;
  if (kind != ScalingKind::kStandard) return scaling;

  const auto features = static_cast<std::size_t>(training_set.features());
  const auto rows = static_cast<double>(training_set.rows());
  scaling.offset.assign(features, 0);
  scaling.factor.assign(features, 1);
  if (training_set.rows() == 0) return scaling;

  ForEachValue(training_set, [&](std::size_t i, double raw) { scaling.offset[i] += raw; });
  for (double& mean : scaling.offset) mean /= rows;

  std::vector<double> squares(features, 0);
  ForEachValue(training_set, [&](std::size_t i, double raw) {
    const double deviation = raw - scaling.offset[i];
    squares[i] += deviation * deviation;
  });
  for (std::size_t i = 0; i < features; ++i) {
    // A mean that is rounded leaves a trace of variation where there is none.
    const double deviation = std::sqrt(squares[i] / rows);
    if (deviation > 1e-12 * std::abs(scaling.offset[i])) scaling.factor[i] = 1 / deviation;
  }
  return scaling;
}

}  // namespace trainyard

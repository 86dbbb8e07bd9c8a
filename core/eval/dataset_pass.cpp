#include "core/eval/dataset_pass.h"

#include <algorithm>

#include "core/eval/evaluation.h"
#include "core/loss/loss.h"

namespace trainyard {

template <typename T>
DatasetPass<T>::DatasetPass(const NetworkSpec& network, const Scaling& scaling,
                            const Dataset& dataset)
    : dataset_(dataset),
      max_rows_(RowsAtOnce(network)),
      inputs_(scaling, network.inputs, max_rows_),
      targets_(network, dataset),
      forward_(network, max_rows_),
      target_(static_cast<std::size_t>(network.outputs())),
      losses_(static_cast<std::size_t>(max_rows_)) {}

template <typename T>
bool DatasetPass<T>::Run(const PackedNetwork<T>& network, const Visitor& visitor,
                         std::stop_token stop) {
  for (std::int64_t first = 0; first < dataset_.rows(); first += max_rows_) {
    if (stop.stop_requested()) return false;
    VisitBatch(network, first, visitor);
  }
  return true;
}

template <typename T>
void DatasetPass<T>::VisitBatch(const PackedNetwork<T>& network, std::int64_t first,
                                const Visitor& visitor) {
  const std::int64_t rows = std::min(max_rows_, dataset_.rows() - first);
  inputs_.Clear();
  for (std::int64_t row = 0; row < rows; ++row) inputs_.Append(dataset_, first + row);

  const LossFunction<T>& loss = FunctionOf<T>(network.spec().loss);
  using Output = typename BatchForward<T>::Output;
  forward_.Run(network, inputs_.rows(),
               loss.with_softmax ? Output::kWeightedSums : Output::kActivations);
  for (std::int64_t row = 0; row < rows; ++row) {
    targets_.Read(first + row, target_);
    losses_[static_cast<std::size_t>(row)] = loss.value(forward_.OutputsOf(row), target_);
  }
  if (loss.with_softmax) forward_.ActivateOutput(network, rows);
  for (std::int64_t row = 0; row < rows; ++row) {
    targets_.Read(first + row, target_);
    visitor(first + row, forward_.OutputsOf(row), target_, losses_[static_cast<std::size_t>(row)]);
  }
}

template <typename T>
std::optional<CostResult> CostOf(DatasetPass<T>& pass, const PackedNetwork<T>& network,
                                 const Dataset& dataset, std::stop_token stop) {
  CostResult result;
  const bool classes = dataset.task() == Task::kClassification;
  std::int64_t correct = 0;
  const bool finished = pass.Run(
      network,
      [&](std::int64_t row, std::span<const T> y, std::span<const T>, double loss) {
        result.cost += loss;
        if (!classes) return;
        const std::int32_t label = dataset.labels()[static_cast<std::size_t>(row)];
        correct += PredictedClass<T>(network.spec(), y) == label ? 1 : 0;
      },
      stop);
  if (!finished) return std::nullopt;
  if (classes && dataset.rows() > 0) {
    result.accuracy = static_cast<double>(correct) / static_cast<double>(dataset.rows());
  }
  return result;
}

template class DatasetPass<float>;
template class DatasetPass<double>;
template std::optional<CostResult> CostOf(DatasetPass<float>&, const PackedNetwork<float>&,
                                          const Dataset&, std::stop_token);
template std::optional<CostResult> CostOf(DatasetPass<double>&, const PackedNetwork<double>&,
                                          const Dataset&, std::stop_token);

}  // namespace trainyard

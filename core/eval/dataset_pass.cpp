#include "core/eval/dataset_pass.h"

#include <algorithm>

#include "core/eval/evaluation.h"
#include "core/loss/loss.h"

namespace trainyard {

template <typename T>
DatasetPass<T>::DatasetPass(const NetworkSpec& network, const Scaling& scaling,
                            const Dataset& dataset, ThreadTeam& team)
    : dataset_(dataset),
      team_(team),
      max_rows_(RowsAtOnce(network)),
      target_reader_(network, dataset),
      forward_(network, max_rows_),
      outputs_(static_cast<std::size_t>(network.outputs())),
      targets_(static_cast<std::size_t>(max_rows_) * outputs_),
      losses_(static_cast<std::size_t>(max_rows_)) {
  const std::int64_t parts = std::min(std::int64_t{team.size()}, max_rows_);
  const std::int64_t part_rows = (max_rows_ + parts - 1) / parts;
  for (std::int64_t part = 0; part < parts; ++part) {
    inputs_.push_back(std::make_unique<InputBatch<T>>(scaling, network.inputs, part_rows));
  }
}

template <typename T>
bool DatasetPass<T>::Run(const PackedNetwork<T>& network, const Visitor& visitor,
                         const std::stop_token& stop) {
  for (std::int64_t first = 0; first < dataset_.rows(); first += max_rows_) {
    if (stop.stop_requested()) return false;
    VisitBatch(network, first, visitor);
  }
  return true;
}

template <typename T>
std::span<T> DatasetPass<T>::TargetOf(std::int64_t row_of_batch) {
  return std::span(targets_).subspan(static_cast<std::size_t>(row_of_batch) * outputs_, outputs_);
}

template <typename T>
void DatasetPass<T>::RunPart(const PackedNetwork<T>& network, std::int64_t first, std::int64_t from,
                             std::int64_t to, InputBatch<T>& inputs) {
  inputs.Clear();
  for (std::int64_t row = from; row < to; ++row) inputs.Append(dataset_, first + row);
  const LossFunction<T>& loss = FunctionOf<T>(network.spec().loss);
  using Output = typename BatchForward<T>::Output;
  forward_.Run(network, inputs.rows(), from,
               loss.with_softmax ? Output::kWeightedSums : Output::kActivations);
  for (std::int64_t row = from; row < to; ++row) {
    target_reader_.Read(first + row, TargetOf(row));
    losses_[static_cast<std::size_t>(row)] = loss.value(forward_.OutputsOf(row), TargetOf(row));
  }
  if (loss.with_softmax) forward_.ActivateOutput(network, from, to - from);
}

template <typename T>
void DatasetPass<T>::VisitBatch(const PackedNetwork<T>& network, std::int64_t first,
                                const Visitor& visitor) {
  const std::int64_t rows = std::min(max_rows_, dataset_.rows() - first);
  const auto parts = static_cast<std::int64_t>(inputs_.size());
  team_.ForEach(parts, [&](std::int64_t part) {
    RunPart(network, first, PartBegin(rows, part, parts), PartBegin(rows, part + 1, parts),
            *inputs_[static_cast<std::size_t>(part)]);
  });
  for (std::int64_t row = 0; row < rows; ++row) {
    visitor(first + row, forward_.OutputsOf(row), TargetOf(row),
            losses_[static_cast<std::size_t>(row)]);
  }
}

template <typename T>
std::optional<CostResult> CostOf(DatasetPass<T>& pass, const PackedNetwork<T>& network,
                                 const Dataset& dataset, const std::stop_token& stop) {
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
                                          const Dataset&, const std::stop_token&);
template std::optional<CostResult> CostOf(DatasetPass<double>&, const PackedNetwork<double>&,
                                          const Dataset&, const std::stop_token&);

}  // namespace trainyard

#include "core/eval/batch_forward.h"

#include <algorithm>

namespace trainyard {

std::int64_t RowsAtOnce(const NetworkSpec& network) {
  constexpr std::int64_t kMostRows = 256;
  constexpr std::int64_t kMostElements = std::int64_t{1} << 20;
  std::int64_t elements_a_row = network.inputs;
  for (const LayerSpec& layer : network.layers) elements_a_row += layer.units;
  return std::clamp(kMostElements / elements_a_row, std::int64_t{1}, kMostRows);
}

template <typename T>
BatchForward<T>::BatchForward(const NetworkSpec& network, std::int64_t max_rows)
    : outputs_(network.outputs()) {
  for (const LayerSpec& layer : network.layers) {
    activations_.emplace_back(static_cast<std::size_t>(max_rows * PaddedStride<T>(layer.units)));
  }
}

template <typename T>
void BatchForward<T>::Run(const PackedNetwork<T>& network, const SparseRows<T>& inputs,
                          std::int64_t first, Output output, ForwardHook<T>* hook) {
  Enter(network, inputs, first, 0, network.layer(0).units, hook);
  Finish(network, first, inputs.rows, output, hook);
}

template <typename T>
void BatchForward<T>::Enter(const PackedNetwork<T>& network, const SparseRows<T>& inputs,
                            std::int64_t first, std::int64_t column, std::int64_t columns,
                            const ForwardHook<T>* hook) {
  const Kernels<T>& kernels = ActiveKernels<T>();
  const PackedLayer<T>& layer = network.layer(0);
  T* const sums = activations(0) + first * layer.stride + column;
  for (std::int64_t row = 0; row < inputs.rows; ++row) {
    std::copy_n(layer.biases + column, columns, sums + row * layer.stride);
  }
  kernels.sparse_multiply(inputs, layer.weights + column, layer.stride, columns, sums,
                          layer.stride);
  if (network.layer_count() == 1 || (hook != nullptr && hook->Takes(0))) return;
  kernels.activate(layer.activation, inputs.rows, columns, sums, layer.stride);
}

template <typename T>
void BatchForward<T>::Finish(const PackedNetwork<T>& network, std::int64_t first, std::int64_t rows,
                             Output output, ForwardHook<T>* hook) {
  const Kernels<T>& kernels = ActiveKernels<T>();
  const int last = network.layer_count() - 1;
  for (int i = 0; i <= last; ++i) {
    const PackedLayer<T>& layer = network.layer(i);
    T* const sums = activations(i) + first * layer.stride;
    if (i > 0) {
      const std::int64_t below = network.layer(i - 1).stride;
      for (std::int64_t row = 0; row < rows; ++row) {
        std::copy_n(layer.biases, layer.stride, sums + row * layer.stride);
      }
      kernels.multiply(rows, layer.units, layer.inputs, activations(i - 1) + first * below, below,
                       layer.weights, layer.stride, sums, layer.stride);
    }
    if (i == last && output == Output::kWeightedSums) return;
    if (hook != nullptr && hook->Takes(i)) {
      hook->Activate(i, first, rows, sums, layer.stride);
    } else if (i > 0 || i == last) {
      kernels.activate(layer.activation, rows, layer.units, sums, layer.stride);
    }
  }
}

template <typename T>
void BatchForward<T>::ActivateOutput(const PackedNetwork<T>& network, std::int64_t first,
                                     std::int64_t rows) {
  const int last = network.layer_count() - 1;
  const PackedLayer<T>& layer = network.layer(last);
  ActiveKernels<T>().activate(layer.activation, rows, layer.units,
                              activations(last) + first * layer.stride, layer.stride);
}

template <typename T>
std::span<const T> BatchForward<T>::OutputsOf(std::int64_t row) const {
  return {activations_.back().data() + row * PaddedStride<T>(outputs_),
          static_cast<std::size_t>(outputs_)};
}

template class BatchForward<float>;
template class BatchForward<double>;

}  // namespace trainyard

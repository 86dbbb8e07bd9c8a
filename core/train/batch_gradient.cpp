#include "core/train/batch_gradient.h"

#include <algorithm>

#include "core/loss/loss.h"

namespace trainyard {

template <typename T>
BatchGradient<T>::BatchGradient(const NetworkSpec& network, std::int64_t max_rows)
    : forward_(network, max_rows), sum_(network) {
  for (const LayerSpec& layer : network.layers) {
    errors_.emplace_back(static_cast<std::size_t>(max_rows * PaddedStride<T>(layer.units)));
  }
}

template <typename T>
void BatchGradient<T>::Add(const PackedNetwork<T>& network, InputBatch<T>& inputs,
                           const std::vector<T>& targets, KeptDerivatives<T>* kept) {
  const std::int64_t rows = inputs.rows().rows;
  forward_.Run(network, inputs.rows(), BatchForward<T>::Output::kActivations, kept);
  SetOutputErrors(network, rows, targets, kept);
  for (int i = network.layer_count() - 1; i >= 0; --i) {
    AddLayer(network, i, inputs, rows);
    if (i > 0) PropagateBelow(network, i, rows, kept);
  }
}

template <typename T>
void BatchGradient<T>::SetOutputErrors(const PackedNetwork<T>& network, std::int64_t rows,
                                       const std::vector<T>& targets,
                                       const KeptDerivatives<T>* kept) {
  const PackedLayer<T>& output = network.layer(network.layer_count() - 1);
  const LossFunction<T>& loss = FunctionOf<T>(network.spec().loss);
  const auto units = static_cast<std::size_t>(output.units);
  T* const errors = errors_.back().data();
  for (std::int64_t row = 0; row < rows; ++row) {
    loss.gradient(forward_.OutputsOf(row),
                  std::span(targets).subspan(static_cast<std::size_t>(row) * units, units),
                  std::span<T>(errors + row * output.stride, units));
  }
  if (!loss.with_softmax) MultiplyByDerivative(network, network.layer_count() - 1, rows, kept);
}

template <typename T>
void BatchGradient<T>::MultiplyByDerivative(const PackedNetwork<T>& network, int i,
                                            std::int64_t rows, const KeptDerivatives<T>* kept) {
  const Kernels<T>& kernels = ActiveKernels<T>();
  const PackedLayer<T>& layer = network.layer(i);
  T* const errors = errors_[static_cast<std::size_t>(i)].data();
  if (const T* const derivatives = kept != nullptr ? kept->Of(i) : nullptr) {
    return kernels.multiply_elements(rows * layer.stride, derivatives, errors);
  }
  kernels.multiply_by_derivative(layer.activation, rows, layer.units, forward_.activations(i),
                                 layer.stride, errors, layer.stride);
}

template <typename T>
void BatchGradient<T>::AddLayer(const PackedNetwork<T>& network, int i, InputBatch<T>& inputs,
                                std::int64_t rows) {
  const Kernels<T>& kernels = ActiveKernels<T>();
  const PackedLayer<T>& sum = sum_.layer(i);
  const T* const errors = errors_[static_cast<std::size_t>(i)].data();
  if (i == 0) {
    kernels.sparse_multiply(inputs.Transposed(), errors, sum.stride, sum.units, sum.weights,
                            sum.stride);
  } else {
    kernels.multiply_transposed(sum.inputs, sum.units, rows, forward_.activations(i - 1),
                                network.layer(i - 1).stride, errors, sum.stride, sum.weights,
                                sum.stride);
  }
  if (network.spec().bias) kernels.add_rows(rows, sum.units, errors, sum.stride, sum.biases);
}

template <typename T>
void BatchGradient<T>::PropagateBelow(const PackedNetwork<T>& network, int i, std::int64_t rows,
                                      const KeptDerivatives<T>* kept) {
  const Kernels<T>& kernels = ActiveKernels<T>();
  const PackedLayer<T>& layer = network.layer(i);
  const PackedLayer<T>& below = network.layer(i - 1);
  T* const back = errors_[static_cast<std::size_t>(i) - 1].data();
  std::fill_n(back, rows * below.stride, T{0});
  kernels.multiply_by_transposed(rows, layer.inputs, layer.units,
                                 errors_[static_cast<std::size_t>(i)].data(), layer.stride,
                                 layer.weights, layer.stride, back, below.stride);
  MultiplyByDerivative(network, i - 1, rows, kept);
}

template <typename T>
void BatchGradient<T>::Apply(PackedNetwork<T>& network, T rate) {
  const Kernels<T>& kernels = ActiveKernels<T>();
  for (int i = 0; i < network.layer_count(); ++i) {
    // Biases follow the last row of W in the same memory.
    const PackedLayer<T>& layer = network.layer(i);
    const PackedLayer<T>& sum = sum_.layer(i);
    const std::int64_t elements = (std::int64_t{layer.inputs} + 1) * layer.stride;
    kernels.subtract_scaled(elements, rate, sum.weights, layer.weights);
    std::fill_n(sum.weights, elements, T{0});
  }
}

template <typename T>
void BatchGradient<T>::Reset() {
  std::fill_n(sum_.data(), sum_.element_count(), T{0});
}

template class BatchGradient<float>;
template class BatchGradient<double>;

}  // namespace trainyard

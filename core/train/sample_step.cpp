#include "core/train/sample_step.h"

#include <algorithm>
#include <array>

#include "core/loss/loss.h"

namespace trainyard {

template <typename T>
SampleStep<T>::SampleStep(const NetworkSpec& network) {
  for (const LayerSpec& layer : network.layers) {
    activations_.emplace_back(static_cast<std::size_t>(PaddedStride<T>(layer.units)));
    errors_.emplace_back(static_cast<std::size_t>(PaddedStride<T>(layer.units)));
  }
}

template <typename T>
void SampleStep<T>::Run(PackedNetwork<T>& network, const SparseRows<T>& input,
                        std::span<const T> target, T rate) {
  Forward(network, input);
  const LossFunction<T>& loss = FunctionOf<T>(network.spec().loss);
  const std::span<const T> y(activations_.back().data(), target.size());
  loss.gradient(y, target, std::span<T>(errors_.back().data(), target.size()));
  if (!loss.with_softmax) {
    const PackedLayer<T>& output = network.layer(network.layer_count() - 1);
    ActiveKernels<T>().multiply_by_derivative(output.activation, 1, output.units,
                                              activations_.back().data(), output.stride,
                                              errors_.back().data(), output.stride);
  }
  Backward(network, input, rate);
}

template <typename T>
void SampleStep<T>::Forward(const PackedNetwork<T>& network, const SparseRows<T>& input) {
  const Kernels<T>& kernels = ActiveKernels<T>();
  SparseRows<T> from = input;
  std::array<std::int64_t, 2> dense = {0, 0};
  for (int i = 0; i < network.layer_count(); ++i) {
    const PackedLayer<T>& layer = network.layer(i);
    T* const sums = activations_[static_cast<std::size_t>(i)].data();
    std::copy_n(layer.biases, layer.stride, sums);
    kernels.sparse_multiply(from, layer.weights, layer.stride, layer.units, sums, layer.stride);
    kernels.activate(layer.activation, 1, layer.units, sums, layer.stride);
    dense[1] = layer.units;
    from = {1, dense.data(), nullptr, sums};
  }
}

template <typename T>
void SampleStep<T>::Backward(PackedNetwork<T>& network, const SparseRows<T>& input, T rate) {
  const Kernels<T>& kernels = ActiveKernels<T>();
  for (int i = network.layer_count() - 1; i >= 0; --i) {
    const PackedLayer<T>& layer = network.layer(i);
    const T* const error = errors_[static_cast<std::size_t>(i)].data();
    if (i == 0) {
      kernels.sparse_update(input, layer.units, layer.weights, layer.stride, error, rate);
    } else {
      const PackedLayer<T>& below = network.layer(i - 1);
      const T* const a = activations_[static_cast<std::size_t>(i) - 1].data();
      T* const back = errors_[static_cast<std::size_t>(i) - 1].data();
      kernels.backward_update(layer.inputs, layer.units, layer.weights, layer.stride, a, error,
                              rate, back);
      kernels.multiply_by_derivative(below.activation, 1, below.units, a, below.stride, back,
                                     below.stride);
    }
    if (network.spec().bias) kernels.subtract_scaled(layer.units, rate, error, layer.biases);
  }
}

template class SampleStep<float>;
template class SampleStep<double>;

}  // namespace trainyard

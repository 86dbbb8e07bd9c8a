#include "core/train/sample_step.h"

#include <algorithm>

#include "core/loss/loss.h"

namespace trainyard {
namespace {

// Between rows of a matrix of kWindow columns.
template <typename T>
constexpr std::int64_t kWindowStride = PaddedStride<T>(SampleStep<T>::kWindow);

// Writes the entries of `transposed` into `columns`, or zeros in their place.
template <typename T>
void Scatter(const SparseRows<T>& transposed, bool clear, T* columns) {
  for (std::int64_t feature = 0; feature < transposed.rows; ++feature) {
    T* const to = columns + feature * kWindowStride<T>;
    for (std::int64_t e = transposed.offsets[feature]; e < transposed.offsets[feature + 1]; ++e) {
      to[transposed.columns[e]] = clear ? T{0} : transposed.values[e];
    }
  }
}

}  // namespace

template <typename T>
SampleStep<T>::SampleStep(const NetworkSpec& network)
    : columns_(static_cast<std::size_t>(network.inputs * kWindowStride<T>)),
      overlaps_(static_cast<std::size_t>(kWindow * kWindowStride<T>)),
      products_(static_cast<std::size_t>(kWindowStride<T>)) {
  for (const LayerSpec& layer : network.layers) {
    const auto stride = static_cast<std::size_t>(PaddedStride<T>(layer.units));
    activations_.emplace_back(kWindow * stride);
    steps_.emplace_back(kWindow * stride);
    errors_.emplace_back(stride);
  }
}

template <typename T>
std::int64_t SampleStep<T>::ElementCount(const NetworkSpec& network) {
  std::int64_t count = (network.inputs + kWindow + 1) * kWindowStride<T>;
  for (const LayerSpec& layer : network.layers) {
    count += (2 * kWindow + 1) * PaddedStride<T>(layer.units);
  }
  return count;
}

template <typename T>
void SampleStep<T>::Run(PackedNetwork<T>& network, InputBatch<T>& inputs,
                        std::span<const T> targets, std::span<const T> rates) {
  const SparseRows<T> rows = inputs.rows();
  const SparseRows<T> transposed = inputs.Transposed();
  const auto outputs = static_cast<std::size_t>(network.spec().outputs());
  MultiplyInputs(network, rows, transposed);
  for (std::int64_t row = 0; row < rows.rows; ++row) {
    Forward(network, row);
    SetOutputError(network, row, targets.subspan(static_cast<std::size_t>(row) * outputs, outputs));
    Backward(network, row);
    SetSteps(network, row, rates[static_cast<std::size_t>(row)]);
  }
  Move(network, rows.rows, transposed);
}

// The part of n_1 that the window's start settles, for all of its samples.
template <typename T>
void SampleStep<T>::MultiplyInputs(const PackedNetwork<T>& network, const SparseRows<T>& inputs,
                                   const SparseRows<T>& transposed) {
  const Kernels<T>& kernels = ActiveKernels<T>();
  const PackedLayer<T>& layer = network.layer(0);
  T* const sums = activations_[0].data();
  for (std::int64_t row = 0; row < inputs.rows; ++row) {
    std::copy_n(layer.biases, layer.stride, sums + row * layer.stride);
  }
  kernels.sparse_multiply(inputs, layer.weights, layer.stride, layer.units, sums, layer.stride);

  Scatter<T>(transposed, false, columns_.data());
  std::fill_n(overlaps_.data(), overlaps_.size(), T{0});
  kernels.sparse_multiply(inputs, columns_.data(), kWindowStride<T>, kWindow, overlaps_.data(),
                          kWindowStride<T>);
  Scatter<T>(transposed, true, columns_.data());
}

template <typename T>
void SampleStep<T>::Forward(const PackedNetwork<T>& network, std::int64_t row) {
  const Kernels<T>& kernels = ActiveKernels<T>();
  T* const products = products_.data();
  for (int i = 0; i < network.layer_count(); ++i) {
    const PackedLayer<T>& layer = network.layer(i);
    const auto index = static_cast<std::size_t>(i);
    T* const sums = activations_[index].data() + row * layer.stride;
    if (i == 0) {
      std::copy_n(overlaps_.data() + row * kWindowStride<T>, row, products);
    } else {
      const std::int64_t below = network.layer(i - 1).stride;
      const T* const a = activations_[index - 1].data();
      std::copy_n(layer.biases, layer.stride, sums);
      kernels.multiply_vector(layer.inputs, layer.units, layer.weights, layer.stride,
                              a + row * below, sums);
      kernels.multiply_vector_by_transposed(row, layer.inputs, a, below, a + row * below, products);
    }
    // A bias is the weight of an input that is 1.
    if (network.spec().bias) {
      for (std::int64_t r = 0; r < row; ++r) products[r] += T{1};
    }
    kernels.multiply_vector(row, layer.units, steps_[index].data(), layer.stride, products, sums);
    kernels.activate(layer.activation, 1, layer.units, sums, layer.stride);
    std::fill(sums + layer.units, sums + layer.stride, T{0});
  }
}

template <typename T>
void SampleStep<T>::SetOutputError(const PackedNetwork<T>& network, std::int64_t row,
                                   std::span<const T> target) {
  const PackedLayer<T>& output = network.layer(network.layer_count() - 1);
  const LossFunction<T>& loss = FunctionOf<T>(network.spec().loss);
  const T* const y = activations_.back().data() + row * output.stride;
  T* const error = errors_.back().data();
  loss.gradient(std::span<const T>(y, target.size()), target, std::span<T>(error, target.size()));
  if (loss.with_softmax) return;
  ActiveKernels<T>().multiply_by_derivative(output.activation, 1, output.units, y, output.stride,
                                            error, output.stride);
}

template <typename T>
void SampleStep<T>::Backward(const PackedNetwork<T>& network, std::int64_t row) {
  const Kernels<T>& kernels = ActiveKernels<T>();
  for (int i = network.layer_count() - 1; i > 0; --i) {
    const PackedLayer<T>& layer = network.layer(i);
    const PackedLayer<T>& below = network.layer(i - 1);
    const auto index = static_cast<std::size_t>(i);
    const T* const error = errors_[index].data();
    const T* const a = activations_[index - 1].data();
    T* const back = errors_[index - 1].data();
    kernels.multiply_vector_by_transposed(layer.inputs, layer.units, layer.weights, layer.stride,
                                          error, back);
    kernels.multiply_vector_by_transposed(row, layer.units, steps_[index].data(), layer.stride,
                                          error, products_.data());
    kernels.multiply_vector(row, below.units, a, below.stride, products_.data(), back);
    kernels.multiply_by_derivative(below.activation, 1, below.units, a + row * below.stride,
                                   below.stride, back, below.stride);
  }
}

template <typename T>
void SampleStep<T>::SetSteps(const PackedNetwork<T>& network, std::int64_t row, T rate) {
  for (int i = 0; i < network.layer_count(); ++i) {
    const PackedLayer<T>& layer = network.layer(i);
    const auto index = static_cast<std::size_t>(i);
    const T* const error = errors_[index].data();
    T* const step = steps_[index].data() + row * layer.stride;
    std::transform(error, error + layer.stride, step, [rate](T s) { return -(rate * s); });
  }
}

template <typename T>
void SampleStep<T>::Move(PackedNetwork<T>& network, std::int64_t rows,
                         const SparseRows<T>& transposed) {
  const Kernels<T>& kernels = ActiveKernels<T>();
  for (int i = 0; i < network.layer_count(); ++i) {
    const PackedLayer<T>& layer = network.layer(i);
    const auto index = static_cast<std::size_t>(i);
    const T* const steps = steps_[index].data();
    if (i == 0) {
      kernels.sparse_multiply(transposed, steps, layer.stride, layer.units, layer.weights,
                              layer.stride);
    } else {
      kernels.multiply_transposed(layer.inputs, layer.units, rows, activations_[index - 1].data(),
                                  network.layer(i - 1).stride, steps, layer.stride, layer.weights,
                                  layer.stride);
    }
    if (network.spec().bias) {
      kernels.add_rows(rows, layer.units, steps, layer.stride, layer.biases);
    }
  }
}

template class SampleStep<float>;
template class SampleStep<double>;

}  // namespace trainyard

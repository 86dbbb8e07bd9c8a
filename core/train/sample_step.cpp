#include "core/train/sample_step.h"

#include <algorithm>

#include "core/loss/loss.h"

namespace trainyard {
namespace {

// Between rows of a matrix of kWindow columns.
template <typename T>
constexpr std::int64_t kWindowStride = PaddedStride<T>(SampleStep<T>::kWindow);

// The products x_q . x_r of every two rows, r < q: at q * kWindowStride + r.
template <typename T>
void MultiplyRows(const SparseRows<T>& transposed, T* products) {
  for (std::int64_t feature = 0; feature < transposed.rows; ++feature) {
    const std::int64_t begin = transposed.offsets[feature];
    const std::int64_t end = transposed.offsets[feature + 1];
    for (std::int64_t q = begin; q < end; ++q) {
      T* const to = products + transposed.columns[q] * kWindowStride<T>;
      for (std::int64_t r = begin; r < q; ++r) {
        to[transposed.columns[r]] += transposed.values[q] * transposed.values[r];
      }
    }
  }
}

// So many rows of W_2 as stay in the first cache, in whole cache lines of units.
template <typename T>
std::int64_t BlockRows(std::int64_t stride) {
  constexpr std::int64_t kBytes = 28 * 1024;
  constexpr std::int64_t kUnit = 16;
  const auto row_bytes = stride * std::int64_t{sizeof(T)};
  return std::max(kBytes / row_bytes / kUnit, std::int64_t{1}) * kUnit;
}

}  // namespace

template <typename T>
SampleStep<T>::SampleStep(const NetworkSpec& network)
    : overlaps_(static_cast<std::size_t>(kWindow * kWindowStride<T>)),
      forward_products_(static_cast<std::size_t>(kWindowStride<T>)),
      backward_products_(static_cast<std::size_t>(kWindowStride<T>)) {
  for (const LayerSpec& layer : network.layers) {
    const auto stride = static_cast<std::size_t>(PaddedStride<T>(layer.units));
    activations_.emplace_back(kWindow * stride);
    steps_.emplace_back(kWindow * stride);
    errors_.emplace_back(stride);
  }
  const std::int64_t units = network.layers[0].units;
  const bool alone = network.layers.size() == 1;
  const std::int64_t rows = alone ? units : BlockRows<T>(PaddedStride<T>(network.layers[1].units));
  for (std::int64_t first = 0; first < units; first += rows) {
    blocks_.push_back({first, std::min(rows, units - first)});
  }
}

template <typename T>
std::int64_t SampleStep<T>::ElementCount(const NetworkSpec& network) {
  std::int64_t count = (kWindow + 2) * kWindowStride<T>;
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
  for (const Block block : blocks_) EnterBlock(network, 0, block);
  for (std::int64_t row = 0; row < rows.rows; ++row) {
    Forward(network, row);
    SetOutputError(network, row, targets.subspan(static_cast<std::size_t>(row) * outputs, outputs));
    const T rate = rates[static_cast<std::size_t>(row)];
    Backward(network, row, rate);
    Leave(network, row, rate, row + 1 == rows.rows);
  }
  Move(network, rows.rows, transposed);
}

template <typename T>
T* SampleStep<T>::RowOf(std::vector<AlignedBuffer<T>>& layers, int layer, std::int64_t row) {
  AlignedBuffer<T>& rows = layers[static_cast<std::size_t>(layer)];
  return rows.data() + row * static_cast<std::int64_t>(rows.size()) / kWindow;
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

  std::fill_n(overlaps_.data(), overlaps_.size(), T{0});
  MultiplyRows<T>(transposed, overlaps_.data());
}

// a_r . a of the samples r before `row`, in the inputs of a layer. A bias is the
// weight of an input that is 1.
template <typename T>
void SampleStep<T>::SetPending(const PackedNetwork<T>& network, int layer, std::int64_t row) {
  T* const products = forward_products_.data();
  if (layer == 0) {
    std::copy_n(overlaps_.data() + row * kWindowStride<T>, row, products);
  } else {
    const PackedLayer<T>& below = network.layer(layer - 1);
    std::fill_n(products, row, T{0});
    ActiveKernels<T>().multiply_vector_by_transposed(
        row, below.units, RowOf(activations_, layer - 1, 0), below.stride,
        RowOf(activations_, layer - 1, row), products);
  }
  if (!network.spec().bias) return;
  for (std::int64_t r = 0; r < row; ++r) products[r] += T{1};
}

// What the samples before `known` add to n_1 of `row`.
template <typename T>
void SampleStep<T>::AddPending(const PackedNetwork<T>& network, std::int64_t row,
                               std::int64_t known) {
  const PackedLayer<T>& layer = network.layer(0);
  SetPending(network, 0, row);
  ActiveKernels<T>().multiply_vector(known, layer.units, RowOf(steps_, 0, 0), layer.stride,
                                     forward_products_.data(), RowOf(activations_, 0, row));
}

// Completes a_1 of some units, and adds their part of n_2.
template <typename T>
void SampleStep<T>::EnterBlock(const PackedNetwork<T>& network, std::int64_t row, Block block) {
  const Kernels<T>& kernels = ActiveKernels<T>();
  const PackedLayer<T>& layer = network.layer(0);
  const auto& [first, units] = block;
  T* const a = RowOf(activations_, 0, row) + first;
  if (row > 0) {
    kernels.multiply_vector(1, units, RowOf(steps_, 0, row - 1) + first, layer.stride,
                            forward_products_.data() + row - 1, a);
  }
  kernels.activate(layer.activation, 1, units, a, layer.stride);
  if (first + units == layer.units) std::fill_n(a + units, layer.stride - layer.units, T{0});
  if (network.layer_count() == 1) return;

  const PackedLayer<T>& above = network.layer(1);
  T* const sums = RowOf(activations_, 1, row);
  if (first == 0) std::copy_n(above.biases, above.stride, sums);
  kernels.multiply_vector(units, above.units, above.weights + first * above.stride, above.stride, a,
                          sums);
}

// From n_2, as far as W settles it, to y.
template <typename T>
void SampleStep<T>::Forward(const PackedNetwork<T>& network, std::int64_t row) {
  const Kernels<T>& kernels = ActiveKernels<T>();
  for (int i = 1; i < network.layer_count(); ++i) {
    const PackedLayer<T>& layer = network.layer(i);
    T* const sums = RowOf(activations_, i, row);
    if (i > 1) {
      std::copy_n(layer.biases, layer.stride, sums);
      kernels.multiply_vector(layer.inputs, layer.units, layer.weights, layer.stride,
                              RowOf(activations_, i - 1, row), sums);
    }
    SetPending(network, i, row);
    kernels.multiply_vector(row, layer.units, RowOf(steps_, i, 0), layer.stride,
                            forward_products_.data(), sums);
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

// From S_L to S_2, and of S_1 what the samples before have pending.
template <typename T>
void SampleStep<T>::Backward(const PackedNetwork<T>& network, std::int64_t row, T rate) {
  const Kernels<T>& kernels = ActiveKernels<T>();
  T* const products = backward_products_.data();
  for (int i = network.layer_count() - 1; i > 0; --i) {
    const PackedLayer<T>& layer = network.layer(i);
    const auto index = static_cast<std::size_t>(i);
    const T* const error = errors_[index].data();
    T* const back = errors_[index - 1].data();
    std::fill_n(products, row, T{0});
    kernels.multiply_vector_by_transposed(row, layer.units, RowOf(steps_, i, 0), layer.stride,
                                          error, products);
    const std::int64_t below = network.layer(i - 1).stride;
    std::fill_n(back, below, T{0});
    kernels.multiply_vector(row, layer.inputs, RowOf(activations_, i - 1, 0), below, products,
                            back);
    SetSteps(i, row, {0, layer.units}, rate);
    if (i > 1) LeaveBlock(network, i, row, {0, layer.inputs});
  }
}

// S of some units below a layer.
template <typename T>
void SampleStep<T>::LeaveBlock(const PackedNetwork<T>& network, int layer, std::int64_t row,
                               Block block) {
  const Kernels<T>& kernels = ActiveKernels<T>();
  const PackedLayer<T>& above = network.layer(layer);
  const PackedLayer<T>& below = network.layer(layer - 1);
  const auto& [first, units] = block;
  const auto index = static_cast<std::size_t>(layer);
  T* const back = errors_[index - 1].data() + first;
  kernels.multiply_vector_by_transposed(units, above.units, above.weights + first * above.stride,
                                        above.stride, errors_[index].data(), back);
  kernels.multiply_by_derivative(below.activation, 1, units,
                                 RowOf(activations_, layer - 1, row) + first, below.stride, back,
                                 below.stride);
}

// S_1, and with it the next sample's a_1.
template <typename T>
void SampleStep<T>::Leave(const PackedNetwork<T>& network, std::int64_t row, T rate, bool last) {
  if (!last) AddPending(network, row + 1, row);
  for (const Block block : blocks_) {
    if (network.layer_count() > 1) LeaveBlock(network, 1, row, block);
    SetSteps(0, row, block, rate);
    if (!last) EnterBlock(network, row + 1, block);
  }
}

template <typename T>
void SampleStep<T>::SetSteps(int layer, std::int64_t row, Block block, T rate) {
  const T* const error = errors_[static_cast<std::size_t>(layer)].data() + block.first;
  std::transform(error, error + block.units, RowOf(steps_, layer, row) + block.first,
                 [rate](T s) { return -(rate * s); });
}

template <typename T>
void SampleStep<T>::Move(PackedNetwork<T>& network, std::int64_t rows,
                         const SparseRows<T>& transposed) {
  const Kernels<T>& kernels = ActiveKernels<T>();
  for (int i = 0; i < network.layer_count(); ++i) {
    const PackedLayer<T>& layer = network.layer(i);
    const T* const steps = RowOf(steps_, i, 0);
    if (i == 0) {
      kernels.sparse_multiply(transposed, steps, layer.stride, layer.units, layer.weights,
                              layer.stride);
    } else {
      kernels.multiply_transposed(layer.inputs, layer.units, rows, RowOf(activations_, i - 1, 0),
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

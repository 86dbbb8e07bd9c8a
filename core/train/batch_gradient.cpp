#include "core/train/batch_gradient.h"

#include <algorithm>

#include "core/loss/loss.h"

namespace trainyard {

template <typename T>
BatchGradient<T>::BatchGradient(const NetworkSpec& network, std::int64_t max_rows, ThreadTeam& team)
    : team_(team), forward_(network, max_rows), sum_(network) {
  for (int i = 0; i < sum_.layer_count(); ++i) {
    errors_.emplace_back(static_cast<std::size_t>(max_rows * sum_.layer(i).stride));
    // A few for each thread, for they take unequal times. Alone, one is best.
    const std::int64_t parts = team.size() == 1 ? 1 : 4 * std::int64_t{team.size()};
    const std::int64_t inputs = sum_.layer(i).inputs;
    for (std::int64_t part = 0; part < parts; ++part) {
      const std::int64_t first = PartBegin(inputs, part, parts);
      const std::int64_t rows = PartBegin(inputs, part + 1, parts) - first;
      if (rows > 0) slices_.push_back({i, first, rows});
    }
  }
}

template <typename T>
void BatchGradient<T>::Add(const PackedNetwork<T>& network, InputBatch<T>& inputs,
                           const std::vector<T>& targets, KeptDerivatives<T>* kept) {
  SetErrors(network, inputs, targets, kept);
  ForEachSlice([this](const Slice& slice) { AddSlice(slice); });
}

template <typename T>
void BatchGradient<T>::Step(PackedNetwork<T>& network, InputBatch<T>& inputs,
                            const std::vector<T>& targets, T rate, KeptDerivatives<T>* kept) {
  SetErrors(network, inputs, targets, kept);
  ForEachSlice([&](const Slice& slice) { StepSlice(network, slice, rate); });
}

template <typename T>
void BatchGradient<T>::ForEachSlice(const std::function<void(const Slice& slice)>& work) {
  team_.ForEach(static_cast<std::int64_t>(slices_.size()),
                [&](std::int64_t item) { work(slices_[static_cast<std::size_t>(item)]); });
}

// All that needs W: forward and backward, and the inputs' transpose beside it.
template <typename T>
void BatchGradient<T>::SetErrors(const PackedNetwork<T>& network, InputBatch<T>& inputs,
                                 const std::vector<T>& targets, KeptDerivatives<T>* kept) {
  const SparseRows<T> all = inputs.rows();
  rows_ = all.rows;
  kept_ = kept;
  const std::int64_t parts = team_.size();
  team_.ForEach(parts + 1, [&](std::int64_t part) {
    if (part == parts) {
      transposed_ = inputs.Transposed();
      return;
    }
    const std::int64_t first = PartBegin(rows_, part, parts);
    const std::int64_t rows = PartBegin(rows_, part + 1, parts) - first;
    SetErrorsOf(network, all.Part(first, rows), targets, first);
  });
}

template <typename T>
void BatchGradient<T>::SetErrorsOf(const PackedNetwork<T>& network, const SparseRows<T>& inputs,
                                   const std::vector<T>& targets, std::int64_t first) {
  forward_.Run(network, inputs, first, BatchForward<T>::Output::kActivations, kept_);
  SetOutputErrors(network, targets, first, inputs.rows);
  for (int i = network.layer_count() - 1; i > 0; --i) {
    PropagateBelow(network, i, first, inputs.rows);
  }
}

template <typename T>
void BatchGradient<T>::SetOutputErrors(const PackedNetwork<T>& network,
                                       const std::vector<T>& targets, std::int64_t first,
                                       std::int64_t rows) {
  const int last = network.layer_count() - 1;
  const PackedLayer<T>& output = network.layer(last);
  const LossFunction<T>& loss = FunctionOf<T>(network.spec().loss);
  const auto units = static_cast<std::size_t>(output.units);
  T* const errors = errors_.back().data();
  for (std::int64_t row = first; row < first + rows; ++row) {
    loss.gradient(forward_.OutputsOf(row),
                  std::span(targets).subspan(static_cast<std::size_t>(row) * units, units),
                  std::span<T>(errors + row * output.stride, units));
  }
  if (!loss.with_softmax) MultiplyByDerivative(network, last, first, rows);
}

template <typename T>
void BatchGradient<T>::MultiplyByDerivative(const PackedNetwork<T>& network, int i,
                                            std::int64_t first, std::int64_t rows) {
  const Kernels<T>& kernels = ActiveKernels<T>();
  const PackedLayer<T>& layer = network.layer(i);
  const std::int64_t offset = first * layer.stride;
  T* const errors = errors_[static_cast<std::size_t>(i)].data() + offset;
  if (const T* const derivatives = kept_ != nullptr ? kept_->Of(i) : nullptr) {
    return kernels.multiply_elements(rows * layer.stride, derivatives + offset, errors);
  }
  kernels.multiply_by_derivative(layer.activation, rows, layer.units,
                                 forward_.activations(i) + offset, layer.stride, errors,
                                 layer.stride);
}

template <typename T>
void BatchGradient<T>::PropagateBelow(const PackedNetwork<T>& network, int i, std::int64_t first,
                                      std::int64_t rows) {
  const Kernels<T>& kernels = ActiveKernels<T>();
  const PackedLayer<T>& layer = network.layer(i);
  const PackedLayer<T>& below = network.layer(i - 1);
  const auto index = static_cast<std::size_t>(i);
  T* const back = errors_[index - 1].data() + first * below.stride;
  std::fill_n(back, rows * below.stride, T{0});
  kernels.multiply_by_transposed(rows, layer.inputs, layer.units,
                                 errors_[index].data() + first * layer.stride, layer.stride,
                                 layer.weights, layer.stride, back, below.stride);
  MultiplyByDerivative(network, i - 1, first, rows);
}

template <typename T>
void BatchGradient<T>::AddSlice(const Slice& slice) {
  const Kernels<T>& kernels = ActiveKernels<T>();
  const auto& [i, first, rows] = slice;
  const PackedLayer<T>& sum = sum_.layer(i);
  const T* const errors = errors_[static_cast<std::size_t>(i)].data();
  T* const to = sum.weights + first * sum.stride;
  if (i == 0) {
    kernels.sparse_multiply(transposed_.Part(first, rows), errors, sum.stride, sum.units, to,
                            sum.stride);
  } else {
    kernels.multiply_transposed(rows, sum.units, rows_, forward_.activations(i - 1) + first,
                                sum_.layer(i - 1).stride, errors, sum.stride, to, sum.stride);
  }
  if (first == 0) AddBiases(i);
}

template <typename T>
void BatchGradient<T>::StepSlice(PackedNetwork<T>& network, const Slice& slice, T rate) {
  const Kernels<T>& kernels = ActiveKernels<T>();
  const auto& [i, first, rows] = slice;
  const PackedLayer<T>& layer = network.layer(i);
  const T* const errors = errors_[static_cast<std::size_t>(i)].data();
  T* const to = layer.weights + first * layer.stride;
  if (i == 0) {
    kernels.sparse_descend(transposed_.Part(first, rows), errors, layer.stride, layer.units, rate,
                           to, layer.stride);
  } else {
    kernels.descend_transposed(rows, layer.units, rows_, forward_.activations(i - 1) + first,
                               network.layer(i - 1).stride, errors, layer.stride, rate, to,
                               layer.stride);
  }
  if (first > 0 || !network.spec().bias) return;
  AddBiases(i);
  T* const biases = sum_.layer(i).biases;
  kernels.subtract_scaled(layer.units, rate, biases, layer.biases);
  std::fill_n(biases, layer.stride, T{0});
}

template <typename T>
void BatchGradient<T>::AddBiases(int i) {
  const PackedLayer<T>& sum = sum_.layer(i);
  if (!sum_.spec().bias) return;
  ActiveKernels<T>().add_rows(rows_, sum.units, errors_[static_cast<std::size_t>(i)].data(),
                              sum.stride, sum.biases);
}

template <typename T>
void BatchGradient<T>::Reset() {
  ForEachSlice([this](const Slice& slice) {
    const PackedLayer<T>& sum = sum_.layer(slice.layer);
    std::fill_n(sum.weights + slice.first * sum.stride, slice.rows * sum.stride, T{0});
    if (slice.first == 0) std::fill_n(sum.biases, sum.stride, T{0});
  });
}

template <typename T>
void BatchGradient<T>::Apply(PackedNetwork<T>& network, T rate) {
  const Kernels<T>& kernels = ActiveKernels<T>();
  ForEachSlice([&](const Slice& slice) {
    const PackedLayer<T>& layer = network.layer(slice.layer);
    const PackedLayer<T>& sum = sum_.layer(slice.layer);
    const std::int64_t offset = slice.first * layer.stride;
    kernels.subtract_scaled(slice.rows * layer.stride, rate, sum.weights + offset,
                            layer.weights + offset);
    if (slice.first == 0) kernels.subtract_scaled(layer.stride, rate, sum.biases, layer.biases);
  });
  Reset();
}

template class BatchGradient<float>;
template class BatchGradient<double>;

}  // namespace trainyard

#include "core/train/batch_gradient.h"

#include <algorithm>
#include <span>

#include "core/loss/loss.h"

namespace trainyard {
template <typename T>
BatchGradient<T>::BatchGradient(const NetworkSpec& network, std::int64_t max_rows, ThreadTeam& team)
    : team_(team), forward_(network, max_rows), sum_(network) {
  for (int i = 0; i < sum_.layer_count(); ++i) {
    errors_.emplace_back(static_cast<std::size_t>(max_rows * sum_.layer(i).stride));
  }
  // A thread's slices follow one another, for the team gives it neighbours.
  const std::int64_t parts = team.size();
  for (std::int64_t part = 0; part < parts; ++part) {
    const Slice inputs = InputSlice(part);
    slices_.push_back(inputs);
    for (int i = 1; i < sum_.layer_count(); ++i) {
      const std::int64_t first = PartBegin(sum_.layer(i).inputs, part, parts);
      const std::int64_t end = PartBegin(sum_.layer(i).inputs, part + 1, parts);
      // W_2's with the units: they are moved together.
      slices_.push_back(i == 1 ? Slice{1, inputs.first, inputs.count}
                               : Slice{i, first, end - first});
    }
  }
}

// Whole cache lines, so that no two threads write to one.
template <typename T>
typename BatchGradient<T>::Slice BatchGradient<T>::InputSlice(std::int64_t part) const {
  constexpr std::int64_t kPerLine = kRowAlignment / sizeof(T);
  const std::int64_t units = sum_.layer(0).units;
  const std::int64_t lines = (units + kPerLine - 1) / kPerLine;
  const std::int64_t first = PartBegin(lines, part, team_.size()) * kPerLine;
  const std::int64_t end = PartBegin(lines, part + 1, team_.size()) * kPerLine;
  return {0, first, std::max(std::min(end, units) - first, std::int64_t{0})};
}

template <typename T>
void BatchGradient<T>::Add(const PackedNetwork<T>& network, InputBatch<T>& inputs,
                           const std::vector<T>& targets, KeptDerivatives<T>* kept) {
  SetErrors(network, inputs, targets, kept);
  ForEachSlice([&](const Slice& slice) {
    if (slice.layer == 0) PropagateToInputs(network, slice);
    AddSlice(slice);
  });
}

template <typename T>
void BatchGradient<T>::Step(PackedNetwork<T>& network, InputBatch<T>& inputs,
                            const std::vector<T>& targets, T rate, KeptDerivatives<T>* kept) {
  SetErrors(network, inputs, targets, kept);
  ForEachSlice([&](const Slice& slice) {
    if (slice.layer == 0) PropagateToInputs(network, slice);
    StepSlice(network, slice, rate);
  });
}

// A thread's slices are one item: a row of W_2 must not move before S_1 has been
// computed with it.
template <typename T>
void BatchGradient<T>::ForEachSlice(const std::function<void(const Slice& slice)>& work) {
  const auto layers = static_cast<std::size_t>(sum_.layer_count());
  team_.ForEach(team_.size(), [&](std::int64_t part) {
    const auto first = static_cast<std::size_t>(part) * layers;
    for (const Slice& slice : std::span(slices_).subspan(first, layers)) {
      if (slice.count > 0) work(slice);
    }
  });
}

// Forward, and backward down to S_2, or S_1 where that is the output; and the
// inputs' transpose beside it.
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
    const Slice slice = InputSlice(part);
    forward_.Enter(network, all, 0, slice.first, slice.count, kept_);
  });
  team_.ForEach(parts, [&](std::int64_t part) {
    const std::int64_t first = PartBegin(rows_, part, parts);
    SetErrorsOf(network, targets, first, PartBegin(rows_, part + 1, parts) - first);
  });
}

template <typename T>
void BatchGradient<T>::SetErrorsOf(const PackedNetwork<T>& network, const std::vector<T>& targets,
                                   std::int64_t first, std::int64_t rows) {
  forward_.Finish(network, first, rows, BatchForward<T>::Output::kActivations, kept_);
  SetOutputErrors(network, targets, first, rows);
  for (int i = network.layer_count() - 1; i > 1; --i) PropagateBelow(network, i, first, rows);
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
  kernels.multiply_by_transposed(rows, layer.inputs, layer.units,
                                 errors_[index].data() + first * layer.stride, layer.stride,
                                 layer.weights, layer.stride, back, below.stride);
  MultiplyByDerivative(network, i - 1, first, rows);
}

// S_1 of some units, for all rows.
template <typename T>
void BatchGradient<T>::PropagateToInputs(const PackedNetwork<T>& network, const Slice& slice) {
  if (network.layer_count() == 1) return;
  const Kernels<T>& kernels = ActiveKernels<T>();
  const PackedLayer<T>& above = network.layer(1);
  const PackedLayer<T>& layer = network.layer(0);
  T* const back = errors_[0].data() + slice.first;
  kernels.multiply_by_transposed(rows_, slice.count, above.units, errors_[1].data(), above.stride,
                                 above.weights + slice.first * above.stride, above.stride, back,
                                 layer.stride);
  if (const T* const derivatives = kept_ != nullptr ? kept_->Of(0) : nullptr) {
    for (std::int64_t row = 0; row < rows_; ++row) {
      kernels.multiply_elements(slice.count, derivatives + row * layer.stride + slice.first,
                                back + row * layer.stride);
    }
    return;
  }
  kernels.multiply_by_derivative(layer.activation, rows_, slice.count,
                                 forward_.activations(0) + slice.first, layer.stride, back,
                                 layer.stride);
}

template <typename T>
void BatchGradient<T>::AddSlice(const Slice& slice) {
  const Kernels<T>& kernels = ActiveKernels<T>();
  const auto& [i, first, count] = slice;
  const PackedLayer<T>& sum = sum_.layer(i);
  const T* const errors = errors_[static_cast<std::size_t>(i)].data();
  if (i == 0) {
    kernels.sparse_multiply(transposed_, errors + first, sum.stride, count, sum.weights + first,
                            sum.stride);
    return AddBiases(i, first, count);
  }
  kernels.multiply_transposed(count, sum.units, rows_, forward_.activations(i - 1) + first,
                              sum_.layer(i - 1).stride, errors, sum.stride,
                              sum.weights + first * sum.stride, sum.stride);
  if (first == 0) AddBiases(i, 0, sum.units);
}

template <typename T>
void BatchGradient<T>::StepSlice(PackedNetwork<T>& network, const Slice& slice, T rate) {
  const Kernels<T>& kernels = ActiveKernels<T>();
  const auto& [i, first, count] = slice;
  const PackedLayer<T>& layer = network.layer(i);
  const T* const errors = errors_[static_cast<std::size_t>(i)].data();
  if (i == 0) {
    kernels.sparse_descend(transposed_, errors + first, layer.stride, count, rate,
                           layer.weights + first, layer.stride);
  } else {
    kernels.descend_transposed(count, layer.units, rows_, forward_.activations(i - 1) + first,
                               network.layer(i - 1).stride, errors, layer.stride, rate,
                               layer.weights + first * layer.stride, layer.stride);
  }
  if (!network.spec().bias || (i > 0 && first > 0)) return;
  const std::int64_t from = i == 0 ? first : 0;
  const std::int64_t units = i == 0 ? count : layer.units;
  AddBiases(i, from, units);
  T* const biases = sum_.layer(i).biases + from;
  kernels.subtract_scaled(units, rate, biases, layer.biases + from);
  std::fill_n(biases, units, T{0});
}

template <typename T>
void BatchGradient<T>::AddBiases(int i, std::int64_t first, std::int64_t count) {
  const PackedLayer<T>& sum = sum_.layer(i);
  if (!sum_.spec().bias) return;
  ActiveKernels<T>().add_rows(rows_, count, errors_[static_cast<std::size_t>(i)].data() + first,
                              sum.stride, sum.biases + first);
}

template <typename T>
void BatchGradient<T>::ForEachStretch(
    int i, const std::function<void(std::int64_t offset, std::int64_t elements)>& work) {
  const std::int64_t rows = std::int64_t{sum_.layer(i).inputs} + 1;
  const std::int64_t stride = sum_.layer(i).stride;
  team_.ForEach(team_.size(), [&](std::int64_t part) {
    const std::int64_t first = PartBegin(rows, part, team_.size());
    work(first * stride, (PartBegin(rows, part + 1, team_.size()) - first) * stride);
  });
}

template <typename T>
void BatchGradient<T>::Reset() {
  for (int i = 0; i < sum_.layer_count(); ++i) {
    ForEachStretch(i, [&](std::int64_t offset, std::int64_t elements) {
      std::fill_n(sum_.layer(i).weights + offset, elements, T{0});
    });
  }
}

template <typename T>
void BatchGradient<T>::Apply(PackedNetwork<T>& network, T rate) {
  for (int i = 0; i < network.layer_count(); ++i) {
    ForEachStretch(i, [&](std::int64_t offset, std::int64_t elements) {
      T* const sum = sum_.layer(i).weights + offset;
      ActiveKernels<T>().subtract_scaled(elements, rate, sum, network.layer(i).weights + offset);
      std::fill_n(sum, elements, T{0});
    });
  }
}

template class BatchGradient<float>;
template class BatchGradient<double>;

}  // namespace trainyard

// Rows of a dataset as a network sees them: scaled inputs, and targets.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "core/data/dataset.h"
#include "core/data/scaling.h"
#include "core/kernels/aligned_buffer.h"
#include "core/kernels/kernels.h"
#include "core/nn/network.h"

namespace trainyard {

// Scales raw features: (raw - offset) * factor, in double, rounded to T.
template <typename T>
class InputScaler {
 public:
  // Keeps a reference to `scaling`.
  InputScaler(const Scaling& scaling, int features);

  // Appends the entries of a raw row that are not zero once scaled: columns and
  // values have room for all features. Returns how many.
  std::int64_t Scale(std::span<const std::uint8_t> raw, std::int32_t* columns, T* values) const;
  std::int64_t Scale(std::span<const float> raw, std::int32_t* columns, T* values) const;

 private:
  T Scaled(double raw, std::size_t feature) const;

  const Scaling& scaling_;
  int features_;
  // Of each byte, where the map is the same for all features.
  std::array<T, 256> of_byte_{};
};

// A batch of inputs, sparse, and its transpose.
template <typename T>
class InputBatch {
 public:
  InputBatch(const Scaling& scaling, int features, std::int64_t max_rows);

  void Clear();
  void Append(const Dataset& dataset, std::int64_t row);
  void Append(std::span<const float> raw);
  void Append(std::span<const std::uint8_t> raw);

  // The rows appended since Clear.
  SparseRows<T> rows() const;
  // Columns as rows: features rows, whose entries name rows of the batch.
  SparseRows<T> Transposed();

 private:
  void Finish(std::int64_t added);

  InputScaler<T> scaler_;
  int features_;
  std::int64_t row_count_ = 0;
  std::vector<std::int64_t> offsets_;
  std::vector<std::int32_t> columns_;
  std::vector<T> values_;
  // Made when first asked for: only mini-batch gradients need them.
  std::vector<std::int64_t> transposed_offsets_;
  std::vector<std::int32_t> transposed_rows_;
  std::vector<T> transposed_values_;
};

// What the outputs of a network should be for a row: 1 for the label's class
// and 0 for the others; for one output the label itself, or -1 and 1 with tanh;
// the targets for regression.
template <typename T>
class TargetReader {
 public:
  // Keeps references.
  TargetReader(const NetworkSpec& network, const Dataset& dataset);
  // `target` is outputs() long.
  void Read(std::int64_t row, std::span<T> target) const;

 private:
  const Dataset& dataset_;
  bool single_;
  T low_;
};

}  // namespace trainyard

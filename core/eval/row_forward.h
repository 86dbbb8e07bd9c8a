// Raw rows through a network, again and again.
#pragma once

#include <cstdint>
#include <span>

#include "core/data/scaling.h"
#include "core/eval/batch_forward.h"
#include "core/eval/input_batch.h"
#include "core/nn/parameters.h"

namespace trainyard {

// Holds a network packed, and buffers for one batch of rows. One thread.
template <typename T>
class RowForward {
 public:
  RowForward(const NetworkSpec& network, const Parameters<T>& parameters, const Scaling& scaling);
  // The batch refers to the scaling.
  RowForward(const RowForward&) = delete;
  RowForward& operator=(const RowForward&) = delete;

  const NetworkSpec& network() const { return packed_.spec(); }
  // Of one batch.
  std::int64_t max_rows() const { return max_rows_; }

  // Begins another batch.
  void Clear() { inputs_.Clear(); }
  // Adds a raw row, network().inputs long.
  void Append(std::span<const float> raw) { inputs_.Append(raw); }
  void Append(std::span<const std::uint8_t> raw) { inputs_.Append(raw); }
  // Computes the outputs of the rows that have been added.
  void Run();
  std::span<const T> OutputsOf(std::int64_t row) const { return forward_.OutputsOf(row); }

 private:
  const Scaling scaling_;
  const PackedNetwork<T> packed_;
  const std::int64_t max_rows_;
  InputBatch<T> inputs_;
  BatchForward<T> forward_;
};

}  // namespace trainyard

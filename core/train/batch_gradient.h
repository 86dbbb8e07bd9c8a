// The gradient of a mini-batch, summed over its rows.
//
//   dF/dW_i = A_{i-1}^T S_i, dF/db_i = sum of S_i's rows, with a row a sample.
#pragma once

#include <cstdint>
#include <vector>

#include "core/eval/batch_forward.h"
#include "core/eval/input_batch.h"
#include "core/kernels/aligned_buffer.h"
#include "core/nn/packed_network.h"
#include "core/train/kept_derivatives.h"

namespace trainyard {

// Holds the sum so far. A batch may come in pieces of up to `max_rows` rows:
// every sum is one chain over the rows, so the pieces do not show.
template <typename T>
class BatchGradient {
 public:
  BatchGradient(const NetworkSpec& network, std::int64_t max_rows);

  // Adds the gradients of `inputs`, whose targets are rows x outputs, row-major.
  // `kept` is asked for the layers that it takes; it may be null where there are
  // none.
  void Add(const PackedNetwork<T>& network, InputBatch<T>& inputs, const std::vector<T>& targets,
           KeptDerivatives<T>* kept = nullptr);

  // W -= rate dF/dW and b -= rate dF/db with the sum; the sum is then 0.
  void Apply(PackedNetwork<T>& network, T rate);

  // The sum so far, for an optimiser, and back to 0.
  PackedNetwork<T>& sum() { return sum_; }
  void Reset();

 private:
  void SetOutputErrors(const PackedNetwork<T>& network, std::int64_t rows,
                       const std::vector<T>& targets, const KeptDerivatives<T>* kept);
  void AddLayer(const PackedNetwork<T>& network, int i, InputBatch<T>& inputs, std::int64_t rows);
  void PropagateBelow(const PackedNetwork<T>& network, int i, std::int64_t rows,
                      const KeptDerivatives<T>* kept);
  // S_i *= sigma_i'(n_i)
  void MultiplyByDerivative(const PackedNetwork<T>& network, int i, std::int64_t rows,
                            const KeptDerivatives<T>* kept);

  BatchForward<T> forward_;
  // S_i of each layer, rows x stride.
  std::vector<AlignedBuffer<T>> errors_;
  PackedNetwork<T> sum_;
};

}  // namespace trainyard

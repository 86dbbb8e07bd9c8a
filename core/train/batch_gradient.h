// The gradient of a mini-batch, summed over its rows.
//
//   dF/dW_i = A_{i-1}^T S_i, dF/db_i = sum of S_i's rows, with a row a sample.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "core/base/thread_team.h"
#include "core/eval/batch_forward.h"
#include "core/eval/input_batch.h"
#include "core/kernels/aligned_buffer.h"
#include "core/nn/packed_network.h"
#include "core/train/kept_derivatives.h"

namespace trainyard {

// Holds the sum so far. A batch may come in pieces of up to `max_rows` rows:
// every sum is one chain over the rows, so the pieces do not show, and threads
// share out rows of the batch and then rows of W, never a sum.
template <typename T>
class BatchGradient {
 public:
  // Keeps a reference to `team`.
  BatchGradient(const NetworkSpec& network, std::int64_t max_rows, ThreadTeam& team);

  // Adds the gradients of `inputs`, whose targets are rows x outputs, row-major.
  // `kept` is asked for the layers that it takes; it may be null where there are
  // none.
  void Add(const PackedNetwork<T>& network, InputBatch<T>& inputs, const std::vector<T>& targets,
           KeptDerivatives<T>* kept = nullptr);

  // dF/dW and dF/db so far, in the layout of the network.
  PackedNetwork<T>& sum() { return sum_; }
  // Makes the sum 0, as it is to begin with.
  void Reset();

  // W -= rate dF/dW and b -= rate dF/db with the sum; the sum is then 0.
  void Apply(PackedNetwork<T>& network, T rate);

  // Add and Apply in one, for a batch of one piece and a sum of 0: the same
  // bits, without the sum's way through memory.
  void Step(PackedNetwork<T>& network, InputBatch<T>& inputs, const std::vector<T>& targets, T rate,
            KeptDerivatives<T>* kept = nullptr);

 private:
  // Rows [first, first + rows) of layer `layer`'s W; the first has the biases.
  struct Slice {
    int layer;
    std::int64_t first;
    std::int64_t rows;
  };

  void SetErrors(const PackedNetwork<T>& network, InputBatch<T>& inputs,
                 const std::vector<T>& targets, KeptDerivatives<T>* kept);
  void SetErrorsOf(const PackedNetwork<T>& network, const SparseRows<T>& inputs,
                   const std::vector<T>& targets, std::int64_t first);
  // S_i *= sigma_i'(n_i)
  void MultiplyByDerivative(const PackedNetwork<T>& network, int i, std::int64_t first,
                            std::int64_t rows);
  void SetOutputErrors(const PackedNetwork<T>& network, const std::vector<T>& targets,
                       std::int64_t first, std::int64_t rows);
  void PropagateBelow(const PackedNetwork<T>& network, int i, std::int64_t first,
                      std::int64_t rows);
  void AddSlice(const Slice& slice);
  void AddBiases(int i);
  void StepSlice(PackedNetwork<T>& network, const Slice& slice, T rate);
  void ForEachSlice(const std::function<void(const Slice& slice)>& work);

  ThreadTeam& team_;
  BatchForward<T> forward_;
  // S_i of each layer, rows x stride.
  std::vector<AlignedBuffer<T>> errors_;
  PackedNetwork<T> sum_;
  std::vector<Slice> slices_;
  // Of the piece at hand.
  std::int64_t rows_ = 0;
  KeptDerivatives<T>* kept_ = nullptr;
  SparseRows<T> transposed_;
};

}  // namespace trainyard

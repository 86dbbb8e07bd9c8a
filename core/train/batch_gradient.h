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
// every sum is one chain over the rows, so the pieces do not show.
//
// Threads share out the units of layer 1, with their columns of W_1 and rows of
// W_2, which then stay in one core's cache from batch to batch; rows of the batch
// above that; and rows of the other W: never a sum.
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
  // A thread's part of a layer: columns [first, first + count) of W_1 and b_1, or
  // rows of another W, the first of which has the biases.
  struct Slice {
    int layer;
    std::int64_t first;
    std::int64_t count;
  };

  void SetErrors(const PackedNetwork<T>& network, InputBatch<T>& inputs,
                 const std::vector<T>& targets, KeptDerivatives<T>* kept);
  void SetErrorsOf(const PackedNetwork<T>& network, const std::vector<T>& targets,
                   std::int64_t first, std::int64_t rows);
  // S_i *= sigma_i'(n_i)
  void MultiplyByDerivative(const PackedNetwork<T>& network, int i, std::int64_t first,
                            std::int64_t rows);
  void SetOutputErrors(const PackedNetwork<T>& network, const std::vector<T>& targets,
                       std::int64_t first, std::int64_t rows);
  void PropagateBelow(const PackedNetwork<T>& network, int i, std::int64_t first,
                      std::int64_t rows);
  void PropagateToInputs(const PackedNetwork<T>& network, const Slice& slice);
  void AddSlice(const Slice& slice);
  void AddBiases(int i, std::int64_t first, std::int64_t count);
  Slice InputSlice(std::int64_t part) const;
  void StepSlice(PackedNetwork<T>& network, const Slice& slice, T rate);
  void ForEachSlice(const std::function<void(const Slice& slice)>& work);
  // Calls work(offset, elements) for parts of all that a layer has, in the memory
  // of a network: W and, behind its last row, b.
  void ForEachStretch(int i,
                      const std::function<void(std::int64_t offset, std::int64_t elements)>& work);

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

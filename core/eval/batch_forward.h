// The forward pass of a batch.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/kernels/aligned_buffer.h"
#include "core/kernels/kernels.h"
#include "core/nn/packed_network.h"

namespace trainyard {

// Rows that are worth doing at once, and at most that many: few enough that the
// buffers of a wide network stay within some megabytes.
std::int64_t RowsAtOnce(const NetworkSpec& network);

// Computes the activations of some layers instead of BatchForward. Called by
// several threads at the same time, for different rows.
template <typename T>
class ForwardHook {
 public:
  virtual ~ForwardHook() = default;
  virtual bool Takes(int layer) const = 0;
  // Turns a layer's weighted sums n (rows x units, `stride` apart), the rows of
  // the batch from `first` on, into their activations.
  virtual void Activate(int layer, std::int64_t first, std::int64_t rows, T* sums,
                        std::int64_t stride) = 0;
};

// Holds the activations of every layer for up to `max_rows` rows. Parts of the
// rows may run on several threads at the same time.
template <typename T>
class BatchForward {
 public:
  BatchForward(const NetworkSpec& network, std::int64_t max_rows);

  // What the output layer is left as: its activations, or its weighted sums n.
  enum class Output { kActivations, kWeightedSums };

  // n_i = W_i^T a_{i-1} + b_i, a_i = sigma_i(n_i) for `inputs`, which become the
  // rows of the batch from `first` on; `hook`, if there is one, may take layers.
  void Run(const PackedNetwork<T>& network, const SparseRows<T>& inputs, std::int64_t first = 0,
           Output output = Output::kActivations, ForwardHook<T>* hook = nullptr);

  // Run in two steps, so that threads can share out the first one's columns and
  // the second one's rows. First n_1 of all of `inputs`, the rows of the batch
  // from `first` on, in `columns` units from `column` on (whole cache lines but
  // for the last), and a_1 too unless that is the output or the hook's.
  void Enter(const PackedNetwork<T>& network, const SparseRows<T>& inputs, std::int64_t first,
             std::int64_t column, std::int64_t columns, const ForwardHook<T>* hook = nullptr);
  // Then the rest, for some rows.
  void Finish(const PackedNetwork<T>& network, std::int64_t first, std::int64_t rows,
              Output output = Output::kActivations, ForwardHook<T>* hook = nullptr);

  // Turns the output layer's weighted sums into activations.
  void ActivateOutput(const PackedNetwork<T>& network, std::int64_t first, std::int64_t rows);

  // a_i of layer i (from 0), rows x units, PackedLayer::stride apart.
  T* activations(int layer) { return activations_[static_cast<std::size_t>(layer)].data(); }
  // One row of the output layer.
  std::span<const T> OutputsOf(std::int64_t row) const;

 private:
  int outputs_;
  std::vector<AlignedBuffer<T>> activations_;
};

}  // namespace trainyard

// The notebook's algorithm: the weights move after every sample.
//
//   n_i = W_i^T a_{i-1} + b_i, a_i = sigma_i(n_i)
//   S_L = A_L dF/dy, S_{i-1} = A_{i-1} W_i S_i
//   W_i <- W_i - rate a_{i-1} S_i^T, b_i <- b_i - rate S_i
//
// An input that is zero neither contributes to n_1 nor gives its row of W_1 a
// gradient: both passes leave it out, which is exact. The product W_i S_i of a
// row and that row's update are one pass over it.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/eval/input_batch.h"
#include "core/kernels/aligned_buffer.h"
#include "core/nn/packed_network.h"

namespace trainyard {

template <typename T>
class SampleStep {
 public:
  explicit SampleStep(const NetworkSpec& network);

  // Moves the weights of `network` for one sample: `input` is its one row.
  void Run(PackedNetwork<T>& network, const SparseRows<T>& input, std::span<const T> target,
           T rate);

 private:
  void Forward(const PackedNetwork<T>& network, const SparseRows<T>& input);
  void Backward(PackedNetwork<T>& network, const SparseRows<T>& input, T rate);

  // a_i and S_i of each layer, padded.
  std::vector<AlignedBuffer<T>> activations_;
  std::vector<AlignedBuffer<T>> errors_;
};

}  // namespace trainyard

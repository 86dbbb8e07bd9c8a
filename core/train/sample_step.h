// The notebook's algorithm: the weights move after every sample.
//
//   n_i = W_i^T a_{i-1} + b_i, a_i = sigma_i(n_i)
//   S_L = A_L dF/dy, S_{i-1} = A_{i-1} W_i S_i
//   W_i <- W_i - rate a_{i-1} S_i^T, b_i <- b_i - rate S_i
//
// What limits it is how fast W can be read and written, so a window of samples
// shares one write. With D_r = -rate S_r of the samples r of the window so far
// (layer indices left out), the weights that the next one sees are
// W + sum a_r D_r^T, so that
//
//   W_now^T a = W^T a + sum (a_r . a) D_r,   W_now S = W S + sum (D_r . S) a_r
//
// and W itself moves once, at the window's end, by the same steps in the same
// order. That is the algorithm above, with sums rounded in another order; how
// the samples of an epoch are cut into windows is therefore part of the result.
//
// What S_1 of a sample changes in a unit of layer 1, for the next sample, needs
// no other unit. So one walk over W_2 does both the backward product of a sample
// and the forward product of the next, a block of rows at a time.
//
// An input that is zero neither contributes to n_1 nor gives its row of W_1 a
// gradient: all passes leave it out, which is exact.
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
  // Samples that share a write.
  static constexpr std::int64_t kWindow = 16;

  explicit SampleStep(const NetworkSpec& network);

  // Moves the weights of `network` for each row of `inputs`, one after another:
  // at most kWindow, whose targets are rows x outputs, row-major; a rate a row.
  void Run(PackedNetwork<T>& network, InputBatch<T>& inputs, std::span<const T> targets,
           std::span<const T> rates);

  // Elements that one for this network occupies.
  static std::int64_t ElementCount(const NetworkSpec& network);

 private:
  // Units of layer 1 that are done together, which are rows of W_2.
  struct Block {
    std::int64_t first;
    std::int64_t units;
  };

  void MultiplyInputs(const PackedNetwork<T>& network, const SparseRows<T>& inputs,
                      const SparseRows<T>& transposed);
  void AddPending(const PackedNetwork<T>& network, std::int64_t row, std::int64_t known);
  void EnterBlock(const PackedNetwork<T>& network, std::int64_t row, Block block);
  void Forward(const PackedNetwork<T>& network, std::int64_t row);
  void SetOutputError(const PackedNetwork<T>& network, std::int64_t row, std::span<const T> target);
  void Backward(const PackedNetwork<T>& network, std::int64_t row, T rate);
  void Leave(const PackedNetwork<T>& network, std::int64_t row, T rate, bool last);
  void LeaveBlock(const PackedNetwork<T>& network, int layer, std::int64_t row, Block block);
  void SetPending(const PackedNetwork<T>& network, int layer, std::int64_t row);
  void SetSteps(int layer, std::int64_t row, Block block, T rate);
  void Move(PackedNetwork<T>& network, std::int64_t rows, const SparseRows<T>& transposed);
  T* RowOf(std::vector<AlignedBuffer<T>>& layers, int layer, std::int64_t row);

  // a_i of the window's samples, kWindow x stride; its padding is zero but for
  // the output layer's.
  std::vector<AlignedBuffer<T>> activations_;
  // D_i of the window's samples.
  std::vector<AlignedBuffer<T>> steps_;
  // S_i of the sample at hand.
  std::vector<AlignedBuffer<T>> errors_;
  // x_r . x of every two inputs of the window.
  AlignedBuffer<T> overlaps_;
  // a_r . a and D_r . S of the samples r before the one at hand.
  AlignedBuffer<T> forward_products_;
  AlignedBuffer<T> backward_products_;
  std::vector<Block> blocks_;
};

}  // namespace trainyard

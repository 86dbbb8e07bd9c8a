// The arithmetic that training and evaluation spend their time in, compiled
// once for each instruction set and chosen when the process starts.
//
// Matrices are row-major with a leading dimension in elements. Every row that a
// kernel reads or writes as a vector starts on a 64-byte boundary and is padded
// to a multiple of 64 bytes (PaddedStride), and the padding holds zeros: so no
// kernel has a scalar tail.
//
// Order of reduction. multiply, multiply_transposed and sparse_multiply compute
// each element as one chain c = c + a_k b_k over ascending k, starting from the
// c given, with one rounding a step where the variant has fused multiply-add.
// Zeros that are left out do not change a chain, and nothing depends on how
// rows are cut into batches: one sample at a time, batches and any split of the
// rows among threads give the same bits.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/nn/activation.h"

namespace trainyard {

// Rows as lists of their entries that are not zero.
template <typename T>
struct SparseRows {
  std::int64_t rows = 0;
  // rows + 1 entries: row r is [offsets[r], offsets[r + 1]) of the others.
  const std::int64_t* offsets = nullptr;
  // Ascending within a row; null where every row is 0, 1, 2, ... (dense).
  const std::int32_t* columns = nullptr;
  const T* values = nullptr;

  // Rows [first, first + count).
  SparseRows Part(std::int64_t first, std::int64_t count) const {
    return {count, offsets + first, columns, values};
  }
};

// The constants of one update; core/optim says what they stand for.
template <typename T>
struct MomentumStep {
  T scale = 1;
  T rate = 0;
  T momentum = 0;
  bool nesterov = false;
};

template <typename T>
struct AdamStep {
  T scale = 1;
  // Divided by 1 - beta1^t already.
  T rate = 0;
  T beta1 = 0;
  T beta2 = 0;
  // 1 / sqrt(1 - beta2^t).
  T root_correction = 1;
  T epsilon = 0;
  T keep = 1;
};

// One instruction set's functions for T, float or double.
template <typename T>
struct Kernels {
  const char* variant = nullptr;

  // C (rows x n) += A B, B of n columns.
  void (*sparse_multiply)(const SparseRows<T>& a, const T* b, std::int64_t ldb, std::int64_t n,
                          T* c, std::int64_t ldc);
  // C (m x n) += A (m x k) B (k x n).
  void (*multiply)(std::int64_t m, std::int64_t n, std::int64_t k, const T* a, std::int64_t lda,
                   const T* b, std::int64_t ldb, T* c, std::int64_t ldc);
  // C (m x n) += A^T B, A of k rows and m columns, B (k x n).
  void (*multiply_transposed)(std::int64_t m, std::int64_t n, std::int64_t k, const T* a,
                              std::int64_t lda, const T* b, std::int64_t ldb, T* c,
                              std::int64_t ldc);
  // C (m x n) = A (m x k) B^T, B of n rows and k columns, k at least 1: in the
  // chains of multiply from a C of 0.
  void (*multiply_by_transposed)(std::int64_t m, std::int64_t n, std::int64_t k, const T* a,
                                 std::int64_t lda, const T* b, std::int64_t ldb, T* c,
                                 std::int64_t ldc);
  // C (rows x n) -= rate (A B), the product summed by itself first. Rows of A
  // without entries leave theirs of C alone.
  void (*sparse_descend)(const SparseRows<T>& a, const T* b, std::int64_t ldb, std::int64_t n,
                         T rate, T* c, std::int64_t ldc);
  // C (m x n) -= rate (A^T B), the product summed by itself first.
  void (*descend_transposed)(std::int64_t m, std::int64_t n, std::int64_t k, const T* a,
                             std::int64_t lda, const T* b, std::int64_t ldb, T rate, T* c,
                             std::int64_t ldc);
  // y += W^T a, W of inputs x units: one sample forward, in the same chains as
  // multiply's.
  void (*multiply_vector)(std::int64_t inputs, std::int64_t units, const T* w, std::int64_t ldw,
                          const T* a, T* y);
  // back += W s: one sample backward. Each W_i . s is summed lane by lane, and
  // the lanes halves onto halves.
  void (*multiply_vector_by_transposed)(std::int64_t inputs, std::int64_t units, const T* w,
                                        std::int64_t ldw, const T* s, T* back);
  // y -= rate x, over n elements.
  void (*subtract_scaled)(std::int64_t n, T rate, const T* x, T* y);
  // y (n) += the sum of the rows of A (rows x n).
  void (*add_rows)(std::int64_t rows, std::int64_t n, const T* a, std::int64_t lda, T* y);
  // In place over rows x n; padding keeps whatever sigma(0) is.
  void (*activate)(Activation activation, std::int64_t rows, std::int64_t n, T* a,
                   std::int64_t lda);
  // S (rows x n) *= sigma'(n), from the activations A = sigma(n). Not for
  // softmax, whose derivative belongs to its loss, nor for GELU, whose
  // derivative cannot be told from A (HasDerivativeOfOutput).
  void (*multiply_by_derivative)(Activation activation, std::int64_t rows, std::int64_t n,
                                 const T* a, std::int64_t lda, T* s, std::int64_t lds);
  // As activate, and D (rows x n, as far apart as A's rows) = sigma'(n): for every
  // activation but softmax.
  void (*activate_with_derivative)(Activation activation, std::int64_t rows, std::int64_t n, T* a,
                                   std::int64_t lda, T* d);
  // y *= x, over n elements.
  void (*multiply_elements)(std::int64_t n, const T* x, T* y);
  // The updates of core/optim, over n elements of a gradient and of W.
  // v = momentum v + scale g; W -= rate v, or with `nesterov`
  // W -= rate (scale g + momentum v).
  void (*momentum_update)(std::int64_t n, const MomentumStep<T>& step, const T* g, T* w, T* v);
  // m = beta1 m + (1 - beta1) g', v = beta2 v + (1 - beta2) g'^2, g' = scale g;
  // W = keep W - rate m / (sqrt(v) root_correction + epsilon).
  void (*adam_update)(std::int64_t n, const AdamStep<T>& step, const T* g, T* w, T* m, T* v);
  // g = scale g + l1 sign(W) + l2 W.
  void (*penalise)(std::int64_t n, T scale, T l1, T l2, const T* w, T* g);
  // y = e^x over n elements: for tests.
  void (*exponential)(std::int64_t n, const T* x, T* y);
};

// Those of the variant that variant.h has chosen.
template <typename T>
const Kernels<T>& ActiveKernels();

// Bytes of a cache line and of the widest vector: the unit of padding.
inline constexpr std::size_t kRowAlignment = 64;

// The distance between rows of n elements: padded, and an odd number of cache
// lines, for with a power of two all rows would fall into a few cache sets.
template <typename T>
constexpr std::int64_t PaddedStride(std::int64_t n) {
  constexpr std::int64_t kPerLine = kRowAlignment / sizeof(T);
  const std::int64_t lines = (n + kPerLine - 1) / kPerLine;
  return (lines | 1) * kPerLine;
}

}  // namespace trainyard

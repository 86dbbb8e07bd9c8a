// Kernels that walk rows of W: sparse products, and the passes of one sample;
// see vector.h for how this is compiled.
#pragma once

#include "core/kernels/kernels.h"
#include "core/kernels/vector.h"

namespace trainyard {
namespace {

// Vectors of a row that are summed in registers at once.
constexpr int kBlockVectors = kVectorRegisters >= 32 ? 16 : 8;

// c[0 .. kVectors) += sum over one sparse row of value * b[column].
template <typename T, int kVectors>
inline void SparseRowBlock(std::int64_t entries, const std::int32_t* columns, const T* values,
                           const T* b, std::int64_t ldb, T* c) {
  Vector<T> sums[kVectors];
#pragma GCC unroll 16
  for (int v = 0; v < kVectors; ++v) sums[v] = Load<T>(c + v * kLanes<T>);
  for (std::int64_t e = 0; e < entries; ++e) {
    const T* const row = b + (columns != nullptr ? columns[e] : e) * ldb;
    const Vector<T> value = Broadcast<T>(values[e]);
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v) {
      sums[v] = MultiplyAdd(value, Load<T>(row + v * kLanes<T>), sums[v]);
    }
  }
#pragma GCC unroll 16
  for (int v = 0; v < kVectors; ++v) Store<T>(c + v * kLanes<T>, sums[v]);
}

template <typename T, int kVectors>
inline void SparseColumnBlock(const SparseRows<T>& a, const T* b, std::int64_t ldb, T* c,
                              std::int64_t ldc) {
  for (std::int64_t row = 0; row < a.rows; ++row) {
    const std::int64_t begin = a.offsets[row];
    SparseRowBlock<T, kVectors>(a.offsets[row + 1] - begin,
                                a.columns != nullptr ? a.columns + begin : nullptr,
                                a.values + begin, b, ldb, c + row * ldc);
  }
}

// Column blocks outside, so that a block of B stays in cache for all rows of A.
template <typename T>
void SparseMultiply(const SparseRows<T>& a, const T* b, std::int64_t ldb, std::int64_t n, T* c,
                    std::int64_t ldc) {
  constexpr std::int64_t kBlock = kBlockVectors * kLanes<T>;
  std::int64_t at = 0;
  for (; at + kBlock <= n; at += kBlock) {
    SparseColumnBlock<T, kBlockVectors>(a, b + at, ldb, c + at, ldc);
  }
  for (; at + 4 * kLanes<T> <= n; at += 4 * kLanes<T>) {
    SparseColumnBlock<T, 4>(a, b + at, ldb, c + at, ldc);
  }
  for (; at < n; at += kLanes<T>) SparseColumnBlock<T, 1>(a, b + at, ldb, c + at, ldc);
}

// kRows rows at a time share the loads of s and hide the latency of the sums.
template <typename T, int kRows>
inline void BackwardUpdateRows(std::int64_t units, T* w, std::int64_t ldw, const T* a, const T* s,
                               T rate, T* back) {
  Vector<T> sums[kRows];
  Vector<T> steps[kRows];
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
    sums[r] = Vector<T>{};
    steps[r] = Broadcast<T>(-(rate * a[r]));
  }
  for (std::int64_t i = 0; i < units; i += kLanes<T>) {
    const Vector<T> error = Load<T>(s + i);
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      T* const at = w + r * ldw + i;
      const Vector<T> weights = Load<T>(at);
      sums[r] = MultiplyAdd(weights, error, sums[r]);
      Store<T>(at, MultiplyAdd(steps[r], error, weights));
    }
  }
  for (int r = 0; r < kRows; ++r) back[r] = SumOfLanes<T>(sums[r]);
}

template <typename T>
void BackwardUpdate(std::int64_t inputs, std::int64_t units, T* w, std::int64_t ldw, const T* a,
                    const T* s, T rate, T* back) {
  constexpr int kRows = 4;
  std::int64_t row = 0;
  for (; row + kRows <= inputs; row += kRows) {
    BackwardUpdateRows<T, kRows>(units, w + row * ldw, ldw, a + row, s, rate, back + row);
  }
  for (; row < inputs; ++row) {
    BackwardUpdateRows<T, 1>(units, w + row * ldw, ldw, a + row, s, rate, back + row);
  }
}

template <typename T>
void SubtractScaled(std::int64_t n, T rate, const T* x, T* y) {
  const Vector<T> step = Broadcast<T>(-rate);
  for (std::int64_t i = 0; i < n; i += kLanes<T>) {
    Store<T>(y + i, MultiplyAdd(step, Load<T>(x + i), Load<T>(y + i)));
  }
}

template <typename T>
void SparseUpdate(const SparseRows<T>& x, std::int64_t units, T* w, std::int64_t ldw, const T* s,
                  T rate) {
  for (std::int64_t e = x.offsets[0]; e < x.offsets[1]; ++e) {
    const std::int64_t column = x.columns != nullptr ? x.columns[e] : e - x.offsets[0];
    SubtractScaled<T>(units, rate * x.values[e], s, w + column * ldw);
  }
}

template <typename T>
void AddRows(std::int64_t rows, std::int64_t n, const T* a, std::int64_t lda, T* y) {
  for (std::int64_t row = 0; row < rows; ++row) {
    for (std::int64_t i = 0; i < n; i += kLanes<T>) {
      Store<T>(y + i, Load<T>(y + i) + Load<T>(a + row * lda + i));
    }
  }
}

}  // namespace
}  // namespace trainyard

// Dense matrix products; see vector.h for how this is compiled.
//
// C is computed in tiles of kStrip rows and kPanel columns whose sums stay in
// registers. A tile reads A and B where they are: rows are an odd number of
// cache lines apart, so that a panel of B, kDepth rows deep, stays in the first
// cache while all strips of A pass by. k is cut into pieces of kDepth, and each
// piece goes on from the sums in C, so that a sum is one chain over k.
#pragma once

#include "core/kernels/kernels.h"
#include "core/kernels/vector.h"

namespace trainyard {
namespace {

constexpr int kStrip = kVectorRegisters >= 32 ? 12 : 6;
constexpr int kPanelVectors = 2;
constexpr std::int64_t kDepth = 256;

template <typename T>
constexpr int kPanel = kPanelVectors* kLanes<T>;

// A as a product reads it: as it lies, or transposed.
enum class Side { kRows, kColumns };

// Element (row, k) of A.
template <typename T, Side kSide>
inline T ElementOf(const T* a, std::int64_t lda, std::int64_t row, std::int64_t k) {
  return kSide == Side::kRows ? a[row * lda + k] : a[k * lda + row];
}

// How a tile ends: C + A B; A B; or C - rate A B with the product summed from 0.
template <typename T>
struct Accumulate {
  static constexpr bool kFromC = true;
  Vector<T> operator()(Vector<T> sum, const T*) const { return sum; }
};
template <typename T>
struct Replace {
  static constexpr bool kFromC = false;
  Vector<T> operator()(Vector<T> sum, const T*) const { return sum; }
};
template <typename T>
struct Descend {
  static constexpr bool kFromC = false;
  T rate;
  Vector<T> operator()(Vector<T> sum, const T* c) const {
    return MultiplyAdd(Broadcast<T>(-rate), sum, Load<T>(c));
  }
};

// A tile of C: kRows x kVectors vectors, over `depth` of k.
template <typename T, Side kSide, int kRows, int kVectors, typename Finish>
inline void MultiplyTile(std::int64_t depth, const T* a, std::int64_t lda, const T* b,
                         std::int64_t ldb, T* c, std::int64_t ldc, const Finish& finish) {
  Vector<T> sums[kRows][kVectors];
#pragma GCC unroll 16
  for (int row = 0; row < kRows; ++row) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      sums[row][v] = Finish::kFromC ? Load<T>(c + row * ldc + v * kLanes<T>) : Vector<T>{};
    }
  }
  for (std::int64_t k = 0; k < depth; ++k) {
    Vector<T> from_b[kVectors];
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) from_b[v] = Load<T>(b + k * ldb + v * kLanes<T>);
#pragma GCC unroll 16
    for (int row = 0; row < kRows; ++row) {
      const Vector<T> value = Broadcast<T>(ElementOf<T, kSide>(a, lda, row, k));
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) {
        sums[row][v] = MultiplyAdd(value, from_b[v], sums[row][v]);
      }
    }
  }
#pragma GCC unroll 16
  for (int row = 0; row < kRows; ++row) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      T* const at = c + row * ldc + v * kLanes<T>;
      Store<T>(at, finish(sums[row][v], at));
    }
  }
}

// The last strip of C may have fewer rows.
template <typename T, Side kSide, int kRows, int kVectors, typename Finish>
inline void MultiplyLastTile(std::int64_t rows, std::int64_t depth, const T* a, std::int64_t lda,
                             const T* b, std::int64_t ldb, T* c, std::int64_t ldc,
                             const Finish& finish) {
  if (rows == kRows) {
    MultiplyTile<T, kSide, kRows, kVectors>(depth, a, lda, b, ldb, c, ldc, finish);
  } else if constexpr (kRows > 1) {
    MultiplyLastTile<T, kSide, kRows - 1, kVectors>(rows, depth, a, lda, b, ldb, c, ldc, finish);
  }
}

// All strips of C for one panel of B.
template <typename T, Side kSide, int kVectors, typename Finish>
void MultiplyPanel(std::int64_t m, std::int64_t depth, const T* a, std::int64_t lda, const T* b,
                   std::int64_t ldb, T* c, std::int64_t ldc, const Finish& finish) {
  constexpr bool kByRows = kSide == Side::kRows;
  std::int64_t row = 0;
  for (; row + kStrip <= m; row += kStrip) {
    MultiplyTile<T, kSide, kStrip, kVectors>(depth, a + (kByRows ? row * lda : row), lda, b, ldb,
                                             c + row * ldc, ldc, finish);
  }
  if (row == m) return;
  MultiplyLastTile<T, kSide, kStrip - 1, kVectors>(m - row, depth, a + (kByRows ? row * lda : row),
                                                   lda, b, ldb, c + row * ldc, ldc, finish);
}

// The panel at `column`, which is narrower at C's edge: n counts whole vectors.
template <typename T, Side kSide, typename Finish>
inline void MultiplyPanelAt(std::int64_t column, std::int64_t n, std::int64_t m, std::int64_t depth,
                            const T* a, std::int64_t lda, const T* b, std::int64_t ldb, T* c,
                            std::int64_t ldc, const Finish& finish) {
  if (n - column >= kPanel<T>) {
    MultiplyPanel<T, kSide, kPanelVectors>(m, depth, a, lda, b, ldb, c + column, ldc, finish);
  } else {
    MultiplyPanel<T, kSide, 1>(m, depth, a, lda, b, ldb, c + column, ldc, finish);
  }
}

// n with the padding of its last cache line, which is computed like the rest.
template <typename T>
constexpr std::int64_t WholeLines(std::int64_t n) {
  constexpr std::int64_t kPerLine = 64 / sizeof(T);
  return (n + kPerLine - 1) / kPerLine * kPerLine;
}

template <typename T, Side kSide>
void MultiplyInPieces(std::int64_t m, std::int64_t n, std::int64_t k, const T* a, std::int64_t lda,
                      const T* b, std::int64_t ldb, T* c, std::int64_t ldc) {
  for (std::int64_t at = 0; at < k; at += kDepth) {
    const std::int64_t depth = k - at < kDepth ? k - at : kDepth;
    const T* const piece = a + (kSide == Side::kRows ? at : at * lda);
    for (std::int64_t column = 0; column < WholeLines<T>(n); column += kPanel<T>) {
      MultiplyPanelAt<T, kSide>(column, WholeLines<T>(n), m, depth, piece, lda,
                                b + at * ldb + column, ldb, c, ldc, Accumulate<T>{});
    }
  }
}

template <typename T>
void Multiply(std::int64_t m, std::int64_t n, std::int64_t k, const T* a, std::int64_t lda,
              const T* b, std::int64_t ldb, T* c, std::int64_t ldc) {
  MultiplyInPieces<T, Side::kRows>(m, n, k, a, lda, b, ldb, c, ldc);
}

template <typename T>
void MultiplyTransposed(std::int64_t m, std::int64_t n, std::int64_t k, const T* a,
                        std::int64_t lda, const T* b, std::int64_t ldb, T* c, std::int64_t ldc) {
  MultiplyInPieces<T, Side::kColumns>(m, n, k, a, lda, b, ldb, c, ldc);
}

template <typename T>
void DescendTransposed(std::int64_t m, std::int64_t n, std::int64_t k, const T* a, std::int64_t lda,
                       const T* b, std::int64_t ldb, T rate, T* c, std::int64_t ldc) {
  for (std::int64_t column = 0; column < WholeLines<T>(n); column += kPanel<T>) {
    MultiplyPanelAt<T, Side::kColumns>(column, WholeLines<T>(n), m, k, a, lda, b + column, ldb, c,
                                       ldc, Descend<T>{rate});
  }
}

// to[k][column]: kPanel rows of B as columns, zeros beyond the last one.
template <typename T>
inline void PackTransposed(const T* b, std::int64_t ldb, std::int64_t columns, std::int64_t depth,
                           T* to) {
  for (std::int64_t j = 0; j < kPanel<T>; ++j) {
    for (std::int64_t k = 0; k < depth; ++k) {
      to[k * kPanel<T> + j] = j < columns ? b[j * ldb + k] : T{0};
    }
  }
}

template <typename T>
void MultiplyByTransposed(std::int64_t m, std::int64_t n, std::int64_t k, const T* a,
                          std::int64_t lda, const T* b, std::int64_t ldb, T* c, std::int64_t ldc) {
  alignas(64) T packed[kDepth * kPanel<T>];
  for (std::int64_t at = 0; at < k; at += kDepth) {
    const std::int64_t depth = k - at < kDepth ? k - at : kDepth;
    for (std::int64_t column = 0; column < n; column += kPanel<T>) {
      PackTransposed<T>(b + column * ldb + at, ldb, n - column, depth, packed);
      const auto multiply = [&](const auto& finish) {
        MultiplyPanelAt<T, Side::kRows>(column, WholeLines<T>(n), m, depth, a + at, lda, packed,
                                        kPanel<T>, c, ldc, finish);
      };
      if (at == 0) {
        multiply(Replace<T>{});
      } else {
        multiply(Accumulate<T>{});
      }
    }
  }
}

}  // namespace
}  // namespace trainyard

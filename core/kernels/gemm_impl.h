// Dense matrix products; see vector.h for how this is compiled.
//
// B is cut into panels of kPanel columns and A into strips of kStrip rows, both
// copied so that the innermost loop reads them in sequence; a block of
// kStrip x kPanel sums stays in registers. k is cut into pieces of kDepth, and
// each piece goes on from the sums in C, so that a sum is one chain over k.
#pragma once

#include "core/kernels/kernels.h"
#include "core/kernels/vector.h"

namespace trainyard {
namespace {

constexpr int kStrip = kVectorRegisters >= 32 ? 12 : 6;
constexpr int kPanelVectors = 2;
constexpr std::int64_t kDepth = 256;
constexpr std::int64_t kStripsAtOnce = 144 / kStrip;

template <typename T>
constexpr int kPanel = kPanelVectors* kLanes<T>;

// Where element (row, column) is: base[row * row_step + column * column_step].
template <typename T>
struct Strided {
  const T* base;
  std::int64_t row_step;
  std::int64_t column_step;
};

// Copies of a piece of A and of a panel of B: up to 330 KiB of the stack.
template <typename T>
struct GemmBuffers {
  alignas(64) T a[kStripsAtOnce * kStrip * kDepth];
  alignas(64) T b[kDepth * kPanel<T>];
};

// to[k][row]: strips of kStrip rows of A, zeros below its last row.
template <typename T>
inline void PackStrip(Strided<T> a, std::int64_t rows, std::int64_t depth, T* to) {
  for (int row = 0; row < kStrip; ++row) {
    if (row >= rows) {
      for (std::int64_t k = 0; k < depth; ++k) to[k * kStrip + row] = 0;
      continue;
    }
    const T* from = a.base + row * a.row_step;
    for (std::int64_t k = 0; k < depth; ++k) to[k * kStrip + row] = from[k * a.column_step];
  }
}

// to[k][column]: a panel of B, zeros right of its last column.
template <typename T>
inline void PackPanel(Strided<T> b, std::int64_t columns, std::int64_t depth, T* to) {
  if (b.column_step == 1) {
    for (std::int64_t k = 0; k < depth; ++k) {
      const T* const from = b.base + k * b.row_step;
      for (std::int64_t j = 0; j < kPanel<T>; ++j) {
        to[k * kPanel<T> + j] = j < columns ? from[j] : T{0};
      }
    }
    return;
  }
  for (std::int64_t j = 0; j < kPanel<T>; ++j) {
    const T* const from = b.base + j * b.column_step;
    for (std::int64_t k = 0; k < depth; ++k) {
      to[k * kPanel<T> + j] = j < columns ? from[k * b.row_step] : T{0};
    }
  }
}

// c (kStrip x kPanel) += the product of a strip and a panel.
template <typename T>
inline void MultiplyTile(std::int64_t depth, const T* a, const T* b, T* c, std::int64_t ldc) {
  Vector<T> sums[kStrip][kPanelVectors];
#pragma GCC unroll 16
  for (int row = 0; row < kStrip; ++row) {
#pragma GCC unroll 4
    for (int v = 0; v < kPanelVectors; ++v) sums[row][v] = Load<T>(c + row * ldc + v * kLanes<T>);
  }
  for (std::int64_t k = 0; k < depth; ++k) {
    const Vector<T> b0 = Load<T>(b + k * kPanel<T>);
    const Vector<T> b1 = Load<T>(b + k * kPanel<T> + kLanes<T>);
#pragma GCC unroll 16
    for (int row = 0; row < kStrip; ++row) {
      const Vector<T> value = Broadcast<T>(a[k * kStrip + row]);
      sums[row][0] = MultiplyAdd(value, b0, sums[row][0]);
      sums[row][1] = MultiplyAdd(value, b1, sums[row][1]);
    }
  }
#pragma GCC unroll 16
  for (int row = 0; row < kStrip; ++row) {
#pragma GCC unroll 4
    for (int v = 0; v < kPanelVectors; ++v) Store<T>(c + row * ldc + v * kLanes<T>, sums[row][v]);
  }
}

// A tile that hangs over C's edge is summed in a full one beside it.
template <typename T>
inline void MultiplyEdgeTile(std::int64_t depth, const T* a, const T* b, std::int64_t rows,
                             std::int64_t columns, T* c, std::int64_t ldc) {
  alignas(64) T tile[kStrip * kPanel<T>] = {};
  for (std::int64_t row = 0; row < rows; ++row) {
    for (std::int64_t j = 0; j < columns; ++j) tile[row * kPanel<T> + j] = c[row * ldc + j];
  }
  MultiplyTile<T>(depth, a, b, tile, kPanel<T>);
  for (std::int64_t row = 0; row < rows; ++row) {
    for (std::int64_t j = 0; j < columns; ++j) c[row * ldc + j] = tile[row * kPanel<T> + j];
  }
}

// One piece of A (at most kStripsAtOnce strips, kDepth deep) times all of B.
template <typename T>
void MultiplyPiece(std::int64_t m, std::int64_t n, std::int64_t depth, Strided<T> a, Strided<T> b,
                   T* c, std::int64_t ldc, GemmBuffers<T>& buffers) {
  for (std::int64_t row = 0; row < m; row += kStrip) {
    PackStrip<T>({a.base + row * a.row_step, a.row_step, a.column_step}, m - row, depth,
                 buffers.a + row * depth);
  }
  for (std::int64_t column = 0; column < n; column += kPanel<T>) {
    const std::int64_t columns = n - column < kPanel<T> ? n - column : kPanel<T>;
    PackPanel<T>({b.base + column * b.column_step, b.row_step, b.column_step}, columns, depth,
                 buffers.b);
    for (std::int64_t row = 0; row < m; row += kStrip) {
      const std::int64_t rows = m - row < kStrip ? m - row : kStrip;
      T* const tile = c + row * ldc + column;
      if (rows == kStrip && columns == kPanel<T>) {
        MultiplyTile<T>(depth, buffers.a + row * depth, buffers.b, tile, ldc);
      } else {
        MultiplyEdgeTile<T>(depth, buffers.a + row * depth, buffers.b, rows, columns, tile, ldc);
      }
    }
  }
}

template <typename T>
void MultiplyStrided(std::int64_t m, std::int64_t n, std::int64_t k, Strided<T> a, Strided<T> b,
                     T* c, std::int64_t ldc) {
  constexpr std::int64_t kRowsAtOnce = kStripsAtOnce * kStrip;
  GemmBuffers<T> buffers;
  for (std::int64_t at = 0; at < k; at += kDepth) {
    const std::int64_t depth = k - at < kDepth ? k - at : kDepth;
    for (std::int64_t row = 0; row < m; row += kRowsAtOnce) {
      const std::int64_t rows = m - row < kRowsAtOnce ? m - row : kRowsAtOnce;
      MultiplyPiece<T>(rows, n, depth,
                       {a.base + row * a.row_step + at * a.column_step, a.row_step, a.column_step},
                       {b.base + at * b.row_step, b.row_step, b.column_step}, c + row * ldc, ldc,
                       buffers);
    }
  }
}

// n with the padding of its last cache line, which is computed like the rest.
template <typename T>
constexpr std::int64_t WholeLines(std::int64_t n) {
  constexpr std::int64_t kPerLine = 64 / sizeof(T);
  return (n + kPerLine - 1) / kPerLine * kPerLine;
}

template <typename T>
void Multiply(std::int64_t m, std::int64_t n, std::int64_t k, const T* a, std::int64_t lda,
              const T* b, std::int64_t ldb, T* c, std::int64_t ldc) {
  MultiplyStrided<T>(m, WholeLines<T>(n), k, {a, lda, 1}, {b, ldb, 1}, c, ldc);
}

template <typename T>
void MultiplyTransposed(std::int64_t m, std::int64_t n, std::int64_t k, const T* a,
                        std::int64_t lda, const T* b, std::int64_t ldb, T* c, std::int64_t ldc) {
  MultiplyStrided<T>(m, WholeLines<T>(n), k, {a, 1, lda}, {b, ldb, 1}, c, ldc);
}

template <typename T>
void MultiplyByTransposed(std::int64_t m, std::int64_t n, std::int64_t k, const T* a,
                          std::int64_t lda, const T* b, std::int64_t ldb, T* c, std::int64_t ldc) {
  MultiplyStrided<T>(m, n, k, {a, lda, 1}, {b, 1, ldb}, c, ldc);
}

}  // namespace
}  // namespace trainyard

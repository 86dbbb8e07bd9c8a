// Kernels that walk rows of W: sparse products, and the passes of one sample;
// see vector.h for how this is compiled.
#pragma once

#include "core/kernels/gemm_impl.h"
#include "core/kernels/kernels.h"
#include "core/kernels/vector.h"

namespace trainyard {
namespace {

// Vectors of a row that are summed in registers at once.
constexpr int kBlockVectors = kVectorRegisters >= 32 ? 16 : 8;
// Rows of B whose blocks stay in the first cache, 32 KiB of it, while rows of a
// sparse A pass by; and how many of those rows at most.
constexpr std::int64_t kSparseDepth = 24 * 1024 / (kBlockVectors * kVectorBytes);
constexpr std::int64_t kSparseRows = 64;

// Rows of a sparse matrix, cut to some of the entries of each.
template <typename T>
struct SparsePiece {
  std::int64_t rows = 0;
  const std::int32_t* columns = nullptr;
  const T* values = nullptr;
  // Row r is [begin[r], end[r]) of the others.
  std::int64_t begin[kSparseRows];
  std::int64_t end[kSparseRows];
  // Where a dense row begins: its columns are counted from there.
  std::int64_t first[kSparseRows];
};

// Goes on to the entries whose columns are below `limit`; false where none of
// any row are left.
template <typename T>
inline bool NextPiece(const SparseRows<T>& a, std::int64_t limit, SparsePiece<T>& piece) {
  bool more = false;
  for (std::int64_t row = 0; row < piece.rows; ++row) {
    const std::int64_t last = a.offsets[row + 1];
    std::int64_t end = piece.end[row];
    piece.begin[row] = end;
    more |= end < last;
    if (a.columns == nullptr) {
      end = last - piece.first[row] < limit ? last : piece.first[row] + limit;
    } else {
      while (end < last && a.columns[end] < limit) ++end;
    }
    piece.end[row] = end;
  }
  return more;
}

// c[0 .. kVectors) and the sum over one sparse row of value * b[column]; a dense
// row has the columns from `first` on.
template <typename T, int kVectors, bool kDense, typename Finish>
inline void SparseRowBlock(std::int64_t entries, const std::int32_t* columns, std::int64_t first,
                           const T* values, const T* b, std::int64_t ldb, T* c,
                           const Finish& finish) {
  Vector<T> sums[kVectors];
#pragma GCC unroll 16
  for (int v = 0; v < kVectors; ++v) {
    sums[v] = Finish::kFromC ? Load<T>(c + v * kLanes<T>) : Vector<T>{};
  }
  for (std::int64_t e = 0; e < entries; ++e) {
    const T* const row = b + (kDense ? first + e : std::int64_t{columns[e]}) * ldb;
    const Vector<T> value = Broadcast<T>(values[e]);
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v) {
      sums[v] = MultiplyAdd(value, Load<T>(row + v * kLanes<T>), sums[v]);
    }
  }
#pragma GCC unroll 16
  for (int v = 0; v < kVectors; ++v) {
    T* const at = c + v * kLanes<T>;
    Store<T>(at, finish(sums[v], at));
  }
}

template <typename T, int kVectors, typename Finish>
void SparseColumnBlock(const SparsePiece<T>& a, const T* b, std::int64_t ldb, T* c,
                       std::int64_t ldc, const Finish& finish) {
  for (std::int64_t row = 0; row < a.rows; ++row) {
    const std::int64_t begin = a.begin[row];
    const std::int64_t entries = a.end[row] - begin;
    if (entries == 0) continue;
    if (a.columns == nullptr) {
      SparseRowBlock<T, kVectors, true>(entries, nullptr, begin - a.first[row], a.values + begin, b,
                                        ldb, c + row * ldc, finish);
    } else {
      SparseRowBlock<T, kVectors, false>(entries, a.columns + begin, 0, a.values + begin, b, ldb,
                                         c + row * ldc, finish);
    }
  }
}

template <typename T, int kVectors, typename Finish>
inline void SparseBlockOf(std::int64_t vectors, const SparsePiece<T>& a, const T* b,
                          std::int64_t ldb, T* c, std::int64_t ldc, const Finish& finish) {
  if (vectors == kVectors) {
    SparseColumnBlock<T, kVectors>(a, b, ldb, c, ldc, finish);
  } else if constexpr (kVectors > 1) {
    SparseBlockOf<T, kVectors - 1>(vectors, a, b, ldb, c, ldc, finish);
  }
}

// Blocks of nearly equal widths: a narrow one would wait for its sums.
template <typename T, typename Finish>
void SparseAllBlocks(const SparsePiece<T>& a, const T* b, std::int64_t ldb, std::int64_t n, T* c,
                     std::int64_t ldc, const Finish& finish) {
  const std::int64_t vectors = (n + kLanes<T> - 1) / kLanes<T>;
  const std::int64_t blocks = (vectors + kBlockVectors - 1) / kBlockVectors;
  for (std::int64_t block = 0; block < blocks; ++block) {
    const std::int64_t first = vectors * block / blocks;
    const std::int64_t at = first * kLanes<T>;
    SparseBlockOf<T, kBlockVectors>(vectors * (block + 1) / blocks - first, a, b + at, ldb, c + at,
                                    ldc, finish);
  }
}

// kSparseRows rows at a time, each cut where columns reach a multiple of
// `depth`.
template <typename T, typename Finish>
void SparseInPieces(const SparseRows<T>& a, std::int64_t depth, const T* b, std::int64_t ldb,
                    std::int64_t n, T* c, std::int64_t ldc, const Finish& finish) {
  SparsePiece<T> piece;
  piece.columns = a.columns;
  piece.values = a.values;
  for (std::int64_t from = 0; from < a.rows; from += kSparseRows) {
    piece.rows = a.rows - from < kSparseRows ? a.rows - from : kSparseRows;
    const SparseRows<T> some = {piece.rows, a.offsets + from, a.columns, a.values};
    for (std::int64_t row = 0; row < piece.rows; ++row) {
      piece.first[row] = piece.end[row] = some.offsets[row];
    }
    for (std::int64_t limit = depth; NextPiece<T>(some, limit, piece); limit += depth) {
      SparseAllBlocks<T>(piece, b, ldb, n, c + from * ldc, ldc, finish);
    }
  }
}

constexpr std::int64_t kAnyDepth = std::int64_t{1} << 40;

// c += the sum of value * b[column] over kEntries entries, in their order.
template <typename T, int kEntries>
inline void AddEntries(const std::int32_t* columns, const T* values, const T* b, std::int64_t ldb,
                       std::int64_t n, T* c) {
  const T* rows[kEntries];
  Vector<T> factors[kEntries];
#pragma GCC unroll 4
  for (int e = 0; e < kEntries; ++e) {
    rows[e] = b + columns[e] * ldb;
    factors[e] = Broadcast<T>(values[e]);
  }
  for (std::int64_t i = 0; i < n; i += kLanes<T>) {
    Vector<T> sum = Load<T>(c + i);
#pragma GCC unroll 4
    for (int e = 0; e < kEntries; ++e) sum = MultiplyAdd(factors[e], Load<T>(rows[e] + i), sum);
    Store<T>(c + i, sum);
  }
}

template <typename T, int kEntries = 4>
inline void AddSparseRow(std::int64_t entries, const std::int32_t* columns, const T* values,
                         const T* b, std::int64_t ldb, std::int64_t n, T* c) {
  std::int64_t e = 0;
  for (; e + kEntries <= entries; e += kEntries) {
    AddEntries<T, kEntries>(columns + e, values + e, b, ldb, n, c);
  }
  if constexpr (kEntries > 1) {
    AddSparseRow<T, kEntries - 1>(entries - e, columns + e, values + e, b, ldb, n, c);
  }
}

// Whole rows of C at a time: where there are few entries in each, blocks would
// cost more in loops than in sums.
template <typename T>
void SparseByRows(const SparseRows<T>& a, const T* b, std::int64_t ldb, std::int64_t n, T* c,
                  std::int64_t ldc) {
  for (std::int64_t row = 0; row < a.rows; ++row) {
    const std::int64_t begin = a.offsets[row];
    AddSparseRow<T>(a.offsets[row + 1] - begin, a.columns + begin, a.values + begin, b, ldb, n,
                    c + row * ldc);
  }
}

template <typename T>
void SparseMultiply(const SparseRows<T>& a, const T* b, std::int64_t ldb, std::int64_t n, T* c,
                    std::int64_t ldc) {
  constexpr std::int64_t kFewEntries = 8;
  if (a.columns != nullptr && a.offsets[a.rows] - a.offsets[0] < kFewEntries * a.rows) {
    return SparseByRows<T>(a, b, ldb, n, c, ldc);
  }
  // One row uses a row of B once: nothing would be found in the cache.
  SparseInPieces<T>(a, a.rows == 1 ? kAnyDepth : kSparseDepth, b, ldb, n, c, ldc, Accumulate<T>{});
}

template <typename T>
void SparseDescend(const SparseRows<T>& a, const T* b, std::int64_t ldb, std::int64_t n, T rate,
                   T* c, std::int64_t ldc) {
  SparseInPieces<T>(a, kAnyDepth, b, ldb, n, c, ldc, Descend<T>{rate});
}

// y += the sum of a_r W_r over kRows rows, in their order.
template <typename T, int kRows>
inline void AddScaledRows(std::int64_t units, const T* w, std::int64_t ldw, const T* a, T* y) {
  Vector<T> values[kRows];
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) values[r] = Broadcast<T>(a[r]);
  for (std::int64_t i = 0; i < units; i += kLanes<T>) {
    Vector<T> sum = Load<T>(y + i);
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) sum = MultiplyAdd(values[r], Load<T>(w + r * ldw + i), sum);
    Store<T>(y + i, sum);
  }
}

template <typename T, int kRows = 8>
inline void MultiplyVector(std::int64_t inputs, std::int64_t units, const T* w, std::int64_t ldw,
                           const T* a, T* y) {
  std::int64_t row = 0;
  for (; row + kRows <= inputs; row += kRows) {
    AddScaledRows<T, kRows>(units, w + row * ldw, ldw, a + row, y);
  }
  if constexpr (kRows > 1) {
    MultiplyVector<T, kRows / 2>(inputs - row, units, w + row * ldw, ldw, a + row, y);
  }
}

// back_r += W_r . s over kRows rows.
template <typename T, int kRows>
inline void DotRows(std::int64_t units, const T* w, std::int64_t ldw, const T* s, T* back) {
  Vector<T> sums[kRows] = {};
  for (std::int64_t i = 0; i < units; i += kLanes<T>) {
    const Vector<T> error = Load<T>(s + i);
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      sums[r] = MultiplyAdd(Load<T>(w + r * ldw + i), error, sums[r]);
    }
  }
  if constexpr (kRows % kLanes<T> == 0) {
#pragma GCC unroll 8
    for (int r = 0; r < kRows; r += kLanes<T>) {
      Store<T>(back + r, Load<T>(back + r) + SumsOfLanes<T>(sums + r));
    }
  } else {
    for (int r = 0; r < kRows; ++r) back[r] += SumOfLanes<T>(sums[r]);
  }
}

// As many rows at a time as give a vector of sums, and enough to hide latency.
template <typename T>
constexpr int kDotRows = kLanes<T> < 8 ? 8 : kLanes<T>;

template <typename T, int kRows = kDotRows<T>>
inline void MultiplyVectorByTransposed(std::int64_t inputs, std::int64_t units, const T* w,
                                       std::int64_t ldw, const T* s, T* back) {
  std::int64_t row = 0;
  for (; row + kRows <= inputs; row += kRows) {
    DotRows<T, kRows>(units, w + row * ldw, ldw, s, back + row);
  }
  if constexpr (kRows > 1) {
    MultiplyVectorByTransposed<T, kRows / 2>(inputs - row, units, w + row * ldw, ldw, s,
                                             back + row);
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
void AddRows(std::int64_t rows, std::int64_t n, const T* a, std::int64_t lda, T* y) {
  for (std::int64_t row = 0; row < rows; ++row) {
    for (std::int64_t i = 0; i < n; i += kLanes<T>) {
      Store<T>(y + i, Load<T>(y + i) + Load<T>(a + row * lda + i));
    }
  }
}

}  // namespace
}  // namespace trainyard

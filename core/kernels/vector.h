// Vectors of kBytes for the variant whose source file includes this.
//
// Everything in this and the other *_impl headers has internal linkage, and
// they include nothing but declarations: a function compiled for AVX must never
// be the copy that the linker keeps for a CPU without it.
//
// The including file defines TRAINYARD_VECTOR_BYTES (16, 32 or 64),
// TRAINYARD_FMA (0 or 1) and TRAINYARD_VECTOR_REGISTERS.
#pragma once

#include <cstdint>
#include <utility>

namespace trainyard {
namespace {

constexpr int kVectorBytes = TRAINYARD_VECTOR_BYTES;
constexpr int kVectorRegisters = TRAINYARD_VECTOR_REGISTERS;

template <typename T>
struct VectorOf;
template <>
struct VectorOf<float> {
  typedef float Type __attribute__((vector_size(TRAINYARD_VECTOR_BYTES)));
  typedef float Stored __attribute__((vector_size(TRAINYARD_VECTOR_BYTES), may_alias));
  typedef std::int32_t Bits __attribute__((vector_size(TRAINYARD_VECTOR_BYTES)));
};
template <>
struct VectorOf<double> {
  typedef double Type __attribute__((vector_size(TRAINYARD_VECTOR_BYTES)));
  typedef double Stored __attribute__((vector_size(TRAINYARD_VECTOR_BYTES), may_alias));
  typedef std::int64_t Bits __attribute__((vector_size(TRAINYARD_VECTOR_BYTES)));
};
template <typename T>
using Vector = typename VectorOf<T>::Type;
template <typename T>
using BitsVector = typename VectorOf<T>::Bits;

// Elements in a vector.
template <typename T>
constexpr int kLanes = kVectorBytes / static_cast<int>(sizeof(T));

template <typename T>
inline Vector<T> Load(const T* from) {
  return *reinterpret_cast<const typename VectorOf<T>::Stored*>(from);
}

template <typename T>
inline void Store(T* to, Vector<T> value) {
  *reinterpret_cast<typename VectorOf<T>::Stored*>(to) = value;
}

template <typename T>
inline Vector<T> Broadcast(T value) {
  return value - Vector<T>{};
}

// a b + c: one rounding where the variant has the instruction, else two.
inline Vector<float> MultiplyAdd(Vector<float> a, Vector<float> b, Vector<float> c) {
#if TRAINYARD_FMA && TRAINYARD_VECTOR_BYTES == 64
  return reinterpret_cast<Vector<float>>(_mm512_fmadd_ps(a, b, c));
#elif TRAINYARD_FMA
  return reinterpret_cast<Vector<float>>(_mm256_fmadd_ps(a, b, c));
#else
  return a * b + c;
#endif
}

inline Vector<double> MultiplyAdd(Vector<double> a, Vector<double> b, Vector<double> c) {
#if TRAINYARD_FMA && TRAINYARD_VECTOR_BYTES == 64
  return reinterpret_cast<Vector<double>>(_mm512_fmadd_pd(a, b, c));
#elif TRAINYARD_FMA
  return reinterpret_cast<Vector<double>>(_mm256_fmadd_pd(a, b, c));
#else
  return a * b + c;
#endif
}

// Lanes added in a fixed order: halves onto halves.
template <typename T>
inline T SumOfLanes(Vector<T> value) {
  T lanes[kLanes<T>];
  __builtin_memcpy(lanes, &value, sizeof(lanes));
  for (int width = kLanes<T> / 2; width > 0; width /= 2) {
    for (int lane = 0; lane < width; ++lane) lanes[lane] += lanes[lane + width];
  }
  return lanes[0];
}

// Lanes come in groups of kGroup: the half of each group of a, then of b, that
// begins kOffset into it.
template <typename T, int kGroup, int kOffset, int... kLane>
inline Vector<T> HalvesOfGroups(Vector<T> a, Vector<T> b, std::integer_sequence<int, kLane...>) {
  constexpr int kHalf = kGroup / 2;
  return __builtin_shufflevector(a, b, (kLane / kHalf * kGroup + kLane % kHalf + kOffset)...);
}

template <typename T, int kGroup>
inline Vector<T> AddHalvesOfGroups(Vector<T> a, Vector<T> b) {
  constexpr std::make_integer_sequence<int, kLanes<T>> kAll;
  return HalvesOfGroups<T, kGroup, 0>(a, b, kAll) +
         HalvesOfGroups<T, kGroup, kGroup / 2>(a, b, kAll);
}

// The sums of as many vectors as one has lanes, each in the order of SumOfLanes.
template <typename T, int kGroup = kLanes<T>>
inline Vector<T> SumsOfLanes(const Vector<T>* values) {
  Vector<T> halves[kGroup / 2];
#pragma GCC unroll 8
  for (int i = 0; i < kGroup / 2; ++i) {
    halves[i] = AddHalvesOfGroups<T, kGroup>(values[2 * i], values[2 * i + 1]);
  }
  if constexpr (kGroup == 2) {
    return halves[0];
  } else {
    return SumsOfLanes<T, kGroup / 2>(halves);
  }
}

}  // namespace
}  // namespace trainyard

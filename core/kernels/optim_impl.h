// Updates of the optimisers that remember something; see vector.h for how this
// is compiled.
#pragma once

#include "core/kernels/kernels.h"
#include "core/kernels/vector.h"

namespace trainyard {
namespace {

template <typename T>
void MomentumUpdate(std::int64_t n, const MomentumStep<T>& step, const T* g, T* w, T* v) {
  const Vector<T> momentum = Broadcast<T>(step.momentum);
  const Vector<T> rate = Broadcast<T>(-step.rate);
  for (std::int64_t i = 0; i < n; i += kLanes<T>) {
    const Vector<T> gradient = Load<T>(g + i) * step.scale;
    const Vector<T> velocity = MultiplyAdd(momentum, Load<T>(v + i), gradient);
    Store<T>(v + i, velocity);
    const Vector<T> direction =
        step.nesterov ? MultiplyAdd(momentum, velocity, gradient) : velocity;
    Store<T>(w + i, MultiplyAdd(rate, direction, Load<T>(w + i)));
  }
}

// The instruction where there is one: it rounds as IEEE 754 says everywhere.
template <typename T>
inline Vector<T> SquareRoot(Vector<T> x) {
  Vector<T> root;
  for (int lane = 0; lane < kLanes<T>; ++lane) {
    if constexpr (sizeof(T) == sizeof(float)) {
      root[lane] = __builtin_sqrtf(x[lane]);
    } else {
      root[lane] = __builtin_sqrt(x[lane]);
    }
  }
  return root;
}

template <typename T>
void AdamUpdate(std::int64_t n, const AdamStep<T>& step, const T* g, T* w, T* m, T* v) {
  const Vector<T> beta1 = Broadcast<T>(step.beta1);
  const Vector<T> beta2 = Broadcast<T>(step.beta2);
  const Vector<T> keep = Broadcast<T>(step.keep);
  const Vector<T> rate = Broadcast<T>(-step.rate);
  const T rest1 = T{1} - step.beta1;
  const T rest2 = T{1} - step.beta2;
  for (std::int64_t i = 0; i < n; i += kLanes<T>) {
    const Vector<T> gradient = Load<T>(g + i) * step.scale;
    const Vector<T> mean = MultiplyAdd(beta1, Load<T>(m + i), gradient * rest1);
    const Vector<T> square = MultiplyAdd(beta2, Load<T>(v + i), gradient * gradient * rest2);
    Store<T>(m + i, mean);
    Store<T>(v + i, square);
    const Vector<T> divisor = SquareRoot<T>(square) * step.root_correction + step.epsilon;
    Store<T>(w + i, MultiplyAdd(rate, mean / divisor, Load<T>(w + i) * keep));
  }
}

template <typename T>
void Penalise(std::int64_t n, T scale, T l1, T l2, const T* w, T* g) {
  const Vector<T> zero{};
  const Vector<T> plus = Broadcast<T>(l1);
  const Vector<T> squares = Broadcast<T>(l2);
  for (std::int64_t i = 0; i < n; i += kLanes<T>) {
    const Vector<T> weights = Load<T>(w + i);
    const Vector<T> sign = weights > zero ? plus : (weights < zero ? -plus : zero);
    Store<T>(g + i, MultiplyAdd(squares, weights, Load<T>(g + i) * scale) + sign);
  }
}

}  // namespace
}  // namespace trainyard

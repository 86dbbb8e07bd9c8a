// exp, the activations and their derivatives; see vector.h for how this is
// compiled.
#pragma once

#include "core/kernels/kernels.h"
#include "core/kernels/vector.h"

namespace trainyard {
namespace {

// What e^x needs to know of a type. ln 2 is split so that n kLn2High is exact
// for every n that occurs; adding kRound leaves round(x) in the low bits of the
// sum; the Taylor series to kDegree is exact to the type for |r| <= ln(2) / 2.
template <typename T>
struct ExpConstants;
template <>
struct ExpConstants<float> {
  static constexpr float kLn2High = 0x1.62e4p-1F;
  static constexpr float kLn2Low = 0x1.7f7d1cp-20F;
  static constexpr float kRound = 0x1.8p23F;
  static constexpr float kLargest = 88.0F;
  static constexpr float kSmallest = -87.0F;
  static constexpr int kDegree = 7;
  static constexpr int kMantissaBits = 23;
  static constexpr std::int32_t kOne = 0x3F800000;
};
template <>
struct ExpConstants<double> {
  static constexpr double kLn2High = 0x1.62e42fefap-1;
  static constexpr double kLn2Low = 0x1.cf79abc9e3b3ap-40;
  static constexpr double kRound = 0x1.8p52;
  static constexpr double kLargest = 709.0;
  static constexpr double kSmallest = -708.0;
  static constexpr int kDegree = 13;
  static constexpr int kMantissaBits = 52;
  static constexpr std::int64_t kOne = 0x3FF0000000000000;
};

constexpr double InverseFactorial(int n) {
  double result = 1;
  for (int i = 2; i <= n; ++i) result /= i;
  return result;
}

// e^x = scale (1 + fraction), with scale a power of two. x is clamped to what
// gives a normal number; NaN stays NaN.
template <typename T>
struct ExpParts {
  Vector<T> scale;
  Vector<T> fraction;
};

template <typename T>
inline ExpParts<T> SplitExp(Vector<T> x) {
  using C = ExpConstants<T>;
  const Vector<T> largest = Broadcast<T>(C::kLargest);
  const Vector<T> smallest = Broadcast<T>(C::kSmallest);
  // In this direction a comparison with NaN keeps x.
  x = x > largest ? largest : x;
  x = x < smallest ? smallest : x;
  const Vector<T> log2e = Broadcast<T>(static_cast<T>(0x1.71547652b82fep0));
  const Vector<T> rounded = MultiplyAdd(x, log2e, Broadcast<T>(C::kRound));
  const Vector<T> n = rounded - Broadcast<T>(C::kRound);
  Vector<T> r = MultiplyAdd(n, Broadcast<T>(-C::kLn2High), x);
  r = MultiplyAdd(n, Broadcast<T>(-C::kLn2Low), r);
  Vector<T> series = Broadcast<T>(static_cast<T>(InverseFactorial(C::kDegree)));
#pragma GCC unroll 16
  for (int i = C::kDegree - 1; i >= 2; --i) {
    series = MultiplyAdd(series, r, Broadcast<T>(static_cast<T>(InverseFactorial(i))));
  }
  // r + r^2 (1/2 + ...): the leading term is exact.
  const Vector<T> fraction = MultiplyAdd(series, r * r, r);
  const BitsVector<T> bits =
      (reinterpret_cast<BitsVector<T>>(rounded) << C::kMantissaBits) + (C::kOne - BitsVector<T>{});
  return {reinterpret_cast<Vector<T>>(bits), fraction};
}

template <typename T>
inline Vector<T> Exp(Vector<T> x) {
  const ExpParts<T> parts = SplitExp<T>(x);
  return MultiplyAdd(parts.scale, parts.fraction, parts.scale);
}

// 1 / (1 + e^-x): e^-x is clamped below overflow, so no sign needs a case.
template <typename T>
inline Vector<T> Sigmoid(Vector<T> x) {
  return T{1} / (T{1} + Exp<T>(-x));
}

// -m / (m + 2) with m = e^(-2|x|) - 1, and the sign of x: no cancellation.
template <typename T>
inline Vector<T> Tanh(Vector<T> x) {
  const Vector<T> zero{};
  const Vector<T> magnitude = x < zero ? -x : x;
  const ExpParts<T> parts = SplitExp<T>(magnitude * T{-2});
  const Vector<T> minus_one = MultiplyAdd(parts.scale, parts.fraction, parts.scale - T{1});
  const Vector<T> result = -minus_one / (minus_one + T{2});
  return x < zero ? -result : result;
}

// ln(1 + e^x) = max(x, 0) + ln(1 + z) with z = e^-|x|, and ln(1 + z) = 2 artanh s
// with s = z / (2 + z), at most 1/3: no cancellation on either side.
template <typename T>
inline Vector<T> Softplus(Vector<T> x) {
  constexpr int kTerms = sizeof(T) == sizeof(float) ? 8 : 17;
  const Vector<T> zero{};
  const Vector<T> z = Exp<T>(x < zero ? x : -x);
  const Vector<T> s = z / (z + T{2});
  const Vector<T> square = s * s;
  Vector<T> series{};
#pragma GCC unroll 32
  for (int term = kTerms; term >= 1; --term) {
    series = (series + Broadcast<T>(T{1} / static_cast<T>(2 * term + 1))) * square;
  }
  return (x <= zero ? zero : x) + (s + s * series) * T{2};
}

// 1 - e^-y for y >= 0: the derivative of softplus, from its value.
template <typename T>
inline Vector<T> OneMinusExpOfMinus(Vector<T> y) {
  const ExpParts<T> parts = SplitExp<T>(-y);
  return -MultiplyAdd(parts.scale, parts.fraction, parts.scale - T{1});
}

// GELU is n (1 + t) / 2 with t = tanh(u), u = c (n + k n^3).
template <typename T>
struct GeluConstants {
  // sqrt(2 / pi)
  static constexpr T kC = static_cast<T>(0x1.9884533d43651p-1);
  static constexpr T kK = static_cast<T>(0.044715);
};

template <typename T>
inline Vector<T> GeluTanh(Vector<T> n) {
  using C = GeluConstants<T>;
  return Tanh<T>(n * (n * n * C::kK + T{1}) * C::kC);
}

template <typename T>
inline Vector<T> Gelu(Vector<T> n) {
  return n * T{0.5} * (GeluTanh<T>(n) + T{1});
}

// (1 + t) / 2 + n (1 - t^2) u' / 2, u' = c (1 + 3 k n^2).
template <typename T>
inline Vector<T> GeluDerivative(Vector<T> n) {
  using C = GeluConstants<T>;
  const Vector<T> t = GeluTanh<T>(n);
  const Vector<T> slope = (n * n * (T{3} * C::kK) + T{1}) * C::kC;
  // Far out 1 - t^2 is 0, and n^2 must not make it infinity times 0.
  const Vector<T> flat = T{1} - t * t;
  const Vector<T> zero{};
  const Vector<T> bend = flat == zero ? zero : n * T{0.5} * flat * slope;
  return (t + T{1}) * T{0.5} + bend;
}

template <typename T, typename Function>
inline void MapRows(std::int64_t rows, std::int64_t n, T* a, std::int64_t lda, Function function) {
  for (std::int64_t row = 0; row < rows; ++row) {
    T* const values = a + row * lda;
    for (std::int64_t i = 0; i < n; i += kLanes<T>) {
      Store<T>(values + i, function(Load<T>(values + i)));
    }
  }
}

// e^(n - max) / sum: the padding of a row is left at zero.
template <typename T>
void Softmax(std::int64_t rows, std::int64_t n, T* a, std::int64_t lda) {
  for (std::int64_t row = 0; row < rows; ++row) {
    T* const values = a + row * lda;
    T largest = values[0];
    for (std::int64_t i = 1; i < n; ++i) largest = values[i] > largest ? values[i] : largest;
    for (std::int64_t i = 0; i < n; i += kLanes<T>) {
      Store<T>(values + i, Exp<T>(Load<T>(values + i) - Broadcast<T>(largest)));
    }
    T sum = 0;
    for (std::int64_t i = 0; i < n; ++i) sum += values[i];
    for (std::int64_t i = 0; i < n; ++i) values[i] /= sum;
    for (std::int64_t i = n; i % kLanes<T> != 0; ++i) values[i] = 0;
  }
}

template <typename T>
void Activate(Activation activation, std::int64_t rows, std::int64_t n, T* a, std::int64_t lda) {
  const Vector<T> zero{};
  const Vector<T> one = Broadcast<T>(T{1});
  switch (activation) {
    case Activation::kSigmoid:
      return MapRows(rows, n, a, lda, [](Vector<T> x) { return Sigmoid<T>(x); });
    case Activation::kTanh:
      return MapRows(rows, n, a, lda, [](Vector<T> x) { return Tanh<T>(x); });
    case Activation::kRelu:
      // NaN must stay NaN: a cost that is not finite is how divergence shows.
      return MapRows(rows, n, a, lda, [=](Vector<T> x) { return x <= zero ? zero : x; });
    case Activation::kStep:
      return MapRows(rows, n, a, lda, [=](Vector<T> x) { return x >= zero ? one : zero; });
    case Activation::kLeakyRelu:
      return MapRows(rows, n, a, lda,
                     [=](Vector<T> x) { return x > zero ? x : x * static_cast<T>(kLeakySlope); });
    case Activation::kGelu:
      return MapRows(rows, n, a, lda, [](Vector<T> x) { return Gelu<T>(x); });
    case Activation::kSoftplus:
      return MapRows(rows, n, a, lda, [](Vector<T> x) { return Softplus<T>(x); });
    case Activation::kSoftmax:
      return Softmax(rows, n, a, lda);
    case Activation::kLinear:
      return;
  }
}

template <typename T, typename Function>
inline void ScaleRows(std::int64_t rows, std::int64_t n, const T* a, std::int64_t lda, T* s,
                      std::int64_t lds, Function derivative) {
  for (std::int64_t row = 0; row < rows; ++row) {
    for (std::int64_t i = 0; i < n; i += kLanes<T>) {
      T* const at = s + row * lds + i;
      Store<T>(at, Load<T>(at) * derivative(Load<T>(a + row * lda + i)));
    }
  }
}

template <typename T>
void MultiplyByDerivative(Activation activation, std::int64_t rows, std::int64_t n, const T* a,
                          std::int64_t lda, T* s, std::int64_t lds) {
  const Vector<T> zero{};
  const Vector<T> one = Broadcast<T>(T{1});
  switch (activation) {
    case Activation::kSigmoid:
      return ScaleRows(rows, n, a, lda, s, lds, [=](Vector<T> y) { return y * (one - y); });
    case Activation::kTanh:
      return ScaleRows(rows, n, a, lda, s, lds, [=](Vector<T> y) { return one - y * y; });
    case Activation::kRelu:
      return ScaleRows(rows, n, a, lda, s, lds, [=](Vector<T> y) { return y > zero ? one : zero; });
    case Activation::kStep:
      return ScaleRows(rows, n, a, lda, s, lds, [=](Vector<T>) { return zero; });
    case Activation::kLeakyRelu:
      return ScaleRows(rows, n, a, lda, s, lds, [=](Vector<T> y) {
        return y > zero ? one : Broadcast<T>(static_cast<T>(kLeakySlope));
      });
    case Activation::kSoftplus:
      return ScaleRows(rows, n, a, lda, s, lds,
                       [](Vector<T> y) { return OneMinusExpOfMinus<T>(y); });
    case Activation::kGelu:
    case Activation::kSoftmax:
    case Activation::kLinear:
      return;
  }
}

template <typename T>
void ActivateWithDerivative(Activation activation, std::int64_t rows, std::int64_t n, T* a,
                            std::int64_t lda, T* d) {
  const Vector<T> one = Broadcast<T>(T{1});
  const bool of_output = HasDerivativeOfOutput(activation);
  for (std::int64_t row = 0; row < rows; ++row) {
    for (std::int64_t i = row * lda; i < row * lda + n; i += kLanes<T>) {
      Store<T>(d + i, of_output ? one : GeluDerivative<T>(Load<T>(a + i)));
    }
  }
  Activate(activation, rows, n, a, lda);
  MultiplyByDerivative(activation, rows, n, a, lda, d, lda);
}

template <typename T>
void MultiplyElements(std::int64_t n, const T* x, T* y) {
  for (std::int64_t i = 0; i < n; i += kLanes<T>) Store<T>(y + i, Load<T>(y + i) * Load<T>(x + i));
}

template <typename T>
void Exponential(std::int64_t n, const T* x, T* y) {
  for (std::int64_t i = 0; i < n; i += kLanes<T>) Store<T>(y + i, Exp<T>(Load<T>(x + i)));
}

}  // namespace
}  // namespace trainyard

#include "core/rng/elementary.h"

#include <algorithm>
#include <cmath>

namespace trainyard {
namespace {

// ln 2 in two parts: integers of up to 20 bits times the first are exact.
constexpr double kLn2High = 0x1.62e42fefap-1;
constexpr double kLn2Low = 0x1.cf79abc9e3b3ap-40;

}  // namespace

// x = m 2^e with m in [sqrt(1/2), sqrt(2)), and ln m = 2 artanh z with
// z = (m - 1) / (m + 1), |z| < 0.172: the series in z^2 needs eleven terms.
double DeterministicLog(double x) {
  constexpr double kSqrtHalf = 0x1.6a09e667f3bcdp-1;
  int exponent = 0;
  double mantissa = std::frexp(x, &exponent);
  if (mantissa < kSqrtHalf) {
    mantissa *= 2;
    --exponent;
  }
  const double z = (mantissa - 1) / (mantissa + 1);
  const double square = z * z;
  double series = 0;
  for (int term = 11; term >= 1; --term) series = (series + 1.0 / (2 * term + 1)) * square;
  return exponent * kLn2High + (2 * z + (2 * z * series + exponent * kLn2Low));
}

// x = n ln 2 + r with |r| <= ln(2) / 2; the Taylor series of e^r to degree 13
// is exact to the type.
double DeterministicExp(double x) {
  if (std::isnan(x)) return x;
  x = std::clamp(x, -708.0, 709.0);
  const double n = std::nearbyint(x * 0x1.71547652b82fep0);
  const double r = (x - n * kLn2High) - n * kLn2Low;
  double series = 1;
  for (int term = 13; term >= 2; --term) series = 1 + series * r / term;
  return std::ldexp(1 + series * r, static_cast<int>(n));
}

// 1 - 2 sin^2(pi x / 2): the Taylor series of sine to degree 23 is exact to the
// type up to pi / 2.
double DeterministicCosPi(double x) {
  const double y = x * 0x1.921fb54442d18p0;
  const double square = y * y;
  double series = 1;
  for (int degree = 23; degree >= 3; degree -= 2) {
    series = 1 - series * square / (degree * (degree - 1));
  }
  const double sine = y * series;
  return 1 - 2 * sine * sine;
}

double IntegerPower(double base, std::int64_t exponent) {
  double result = 1;
  for (; exponent > 0; exponent >>= 1) {
    if ((exponent & 1) != 0) result *= base;
    base *= base;
  }
  return result;
}

}  // namespace trainyard

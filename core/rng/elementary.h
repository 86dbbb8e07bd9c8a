// Elementary functions whose bits do not depend on the machine's libm. Scalar
// and in double: for what is drawn and for costs; kernels have their own.
#pragma once

#include <cstdint>

namespace trainyard {

// ln(x) for finite x > 0, within 2 ulp away from 1 (1e-16 absolute near it).
double DeterministicLog(double x);

// e^x within 2 ulp; x is clamped to [-708, 709], NaN stays NaN.
double DeterministicExp(double x);

// cos(pi x) within 1e-15, for x in [0, 1].
double DeterministicCosPi(double x);

// base^exponent by squaring, for exponent >= 0.
double IntegerPower(double base, std::int64_t exponent);

}  // namespace trainyard

// Elementary functions whose bits do not depend on the machine's libm. Scalar
// and in double: for what is drawn and for costs; kernels have their own.
#pragma once

namespace trainyard {

// ln(x) for finite x > 0, within 2 ulp away from 1 (1e-16 absolute near it).
double DeterministicLog(double x);

// e^x within 2 ulp; x is clamped to [-708, 709], NaN stays NaN.
double DeterministicExp(double x);

}  // namespace trainyard

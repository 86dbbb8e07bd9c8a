// The functions that layers apply to their weighted sums.
#pragma once

#include <string_view>

namespace trainyard {

enum class Activation {
  kSigmoid,
  kRelu,
  kTanh,
  kLinear,
  kSoftmax,
  kStep,
  // n for n > 0, else kLeakySlope n; the derivative at 0 is kLeakySlope.
  kLeakyRelu,
  // n (1 + tanh(sqrt(2 / pi) (n + 0.044715 n^3))) / 2 (Hendrycks and Gimpel, 2016).
  kGelu,
  // ln(1 + e^n)
  kSoftplus
};

// As in Maas, Hannun and Ng, 2013.
inline constexpr double kLeakySlope = 0.01;

std::string_view NameOf(Activation activation);

// Whether the derivative at n can be told from sigma(n) alone.
constexpr bool HasDerivativeOfOutput(Activation activation) {
  return activation != Activation::kGelu;
}

}  // namespace trainyard

// Analytic gradients against central finite differences.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "core/nn/parameters.h"

namespace trainyard::testing {

// Each entry of `gradient` must agree with (F(w + h) - F(w - h)) / 2h to a
// relative 1e-6, entries below a thousandth of the largest relative to that.
inline void ExpectIsGradientOf(const std::function<double(const Parameters<double>&)>& loss,
                               Parameters<double> at, const Parameters<double>& gradient) {
  constexpr double kStep = 1e-5;
  constexpr double kTolerance = 1e-6;
  double largest = 0;
  for (const double g : gradient.values()) largest = std::max(largest, std::abs(g));
  ASSERT_GT(largest, 0) << "a gradient of zeros proves nothing";
  for (std::size_t i = 0; i < at.values().size(); ++i) {
    const double value = at.values()[i];
    at.values()[i] = value + kStep;
    const double above = loss(at);
    at.values()[i] = value - kStep;
    const double below = loss(at);
    at.values()[i] = value;
    const double numeric = (above - below) / (2 * kStep);
    const double scale =
        std::max({std::abs(numeric), std::abs(gradient.values()[i]), 1e-3 * largest});
    EXPECT_NEAR(gradient.values()[i], numeric, kTolerance * scale) << "parameter " << i;
  }
}

}  // namespace trainyard::testing

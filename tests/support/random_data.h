// Random networks' inputs for tests, the same on every run.
#pragma once

#include <vector>

#include "core/rng/philox.h"
#include "tests/support/temp_dataset.h"

namespace trainyard::testing {

// Rows of floats in [-1, 1), a third of them zero.
inline TempRows RandomRows(int rows, int columns, std::uint64_t seed = 1) {
  PhiloxStream stream(seed, RandomPurpose::kGenerator);
  TempRows result{columns, {}, {}};
  for (int i = 0; i < rows * columns; ++i) {
    const bool zero = stream.NextBelow(3) == 0;
    result.floats.push_back(zero ? 0.0F : static_cast<float>(2 * stream.NextUniform() - 1));
  }
  return result;
}

inline std::vector<std::int32_t> RandomLabels(int rows, int classes, std::uint64_t seed = 1) {
  PhiloxStream stream(seed, RandomPurpose::kGenerator, 1);
  std::vector<std::int32_t> labels;
  for (int i = 0; i < rows; ++i) {
    labels.push_back(
        static_cast<std::int32_t>(stream.NextBelow(static_cast<std::uint64_t>(classes))));
  }
  return labels;
}

}  // namespace trainyard::testing

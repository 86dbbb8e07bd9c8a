// Handwritten-like digits as strokes.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/rng/philox.h"

namespace trainyard {

inline constexpr int kDigitSide = 28;
inline constexpr int kDigitPixels = kDigitSide * kDigitSide;
inline constexpr int kDigitClasses = 10;

// Draws `digit` (0 to 9) into `pixels`, kDigitPixels long, row by row, 0 for
// paper and 255 for ink. Writing style, slant, rotation, size, place, thickness
// and all wobble come from `random`; `noise` from 0 to 1 says how much of each.
//
// Only additions, multiplications, divisions and square roots are used, which
// IEEE 754 rounds alike everywhere: the same stream gives the same pixels.
void DrawDigit(int digit, double noise, PhiloxStream& random, std::span<std::uint8_t> pixels);

}  // namespace trainyard

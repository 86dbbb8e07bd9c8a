// The truth tables of logic gates with two inputs.
#pragma once

#include <cstdint>

#include "core/data/plane_point.h"
#include "core/rng/philox.h"

namespace trainyard {

// The rows of a truth table.
inline constexpr std::int64_t kGateRows = 4;

// Row 0 to 3 of a gate's table, in the order 00, 01, 10, 11; the target is 0 or
// 1. Each input is moved by noise V, V uniform in (-1, 1]: with noise below 0.5
// an input rounds to what it stands for.
PlanePoint DrawAnd(std::int64_t row, double noise, PhiloxStream& random);
PlanePoint DrawOr(std::int64_t row, double noise, PhiloxStream& random);
PlanePoint DrawXor(std::int64_t row, double noise, PhiloxStream& random);
PlanePoint DrawNand(std::int64_t row, double noise, PhiloxStream& random);
PlanePoint DrawNor(std::int64_t row, double noise, PhiloxStream& random);

}  // namespace trainyard

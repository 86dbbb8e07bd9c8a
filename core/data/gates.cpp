#include "core/data/gates.h"

namespace trainyard {
namespace {

PlanePoint DrawRow(std::int64_t row, bool output, double noise, PhiloxStream& random) {
  PlanePoint point{static_cast<double>(row >> 1), static_cast<double>(row & 1), output ? 1.0 : 0.0};
  point.x += noise * (1 - 2 * random.NextUniform());
  point.y += noise * (1 - 2 * random.NextUniform());
  return point;
}

}  // namespace

PlanePoint DrawAnd(std::int64_t row, double noise, PhiloxStream& random) {
  return DrawRow(row, row == 3, noise, random);
}

PlanePoint DrawOr(std::int64_t row, double noise, PhiloxStream& random) {
  return DrawRow(row, row != 0, noise, random);
}

PlanePoint DrawXor(std::int64_t row, double noise, PhiloxStream& random) {
  return DrawRow(row, row == 1 || row == 2, noise, random);
}

PlanePoint DrawNand(std::int64_t row, double noise, PhiloxStream& random) {
  return DrawRow(row, row != 3, noise, random);
}

PlanePoint DrawNor(std::int64_t row, double noise, PhiloxStream& random) {
  return DrawRow(row, row == 0, noise, random);
}

}  // namespace trainyard

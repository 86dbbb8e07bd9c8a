#include "core/rng/trigonometry.h"

#include <cmath>
#include <cstdint>

namespace trainyard {

// turns = n / 4 + r with |r| <= 1/8, which is exact; the Taylor series at 2 pi r,
// at most pi / 4, to degree 18 are exact to the type. A quarter turn takes
// (sin, cos) to (cos, -sin).
SineCosine DeterministicSineCosine(double turns) {
  constexpr double kTwoPi = 0x1.921fb54442d18p2;
  const double quarters = std::nearbyint(4 * turns);
  const double angle = kTwoPi * (turns - quarters / 4);
  const double square = angle * angle;
  double sine = 1;
  for (int term = 17; term >= 3; term -= 2) sine = 1 - sine * square / (term * (term - 1));
  sine *= angle;
  double cosine = 1;
  for (int term = 18; term >= 2; term -= 2) cosine = 1 - cosine * square / (term * (term - 1));
  switch (static_cast<std::int64_t>(quarters) & 3) {
    case 0:
      return {sine, cosine};
    case 1:
      return {cosine, -sine};
    case 2:
      return {-sine, -cosine};
    default:
      return {-cosine, sine};
  }
}

}  // namespace trainyard

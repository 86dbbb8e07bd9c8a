// The sets of points in the plane that the TensorFlow Playground
// (playground.tensorflow.org) trains on, by their published definitions: radii,
// centres, ranges and what its noise slider does.
//
// U(a, b) is uniform in [a, b). The Playground's class -1 is class 0 here, and
// its class 1 is class 1; rows alternate, class 1 first, so that any set is
// balanced but for the noise. It spaces a spiral's points evenly; here they are
// drawn, so that another seed gives other points even without noise.
//
// Where a formula says "target of (x', y')", the target is that of a point
// nearby, x' = x + noise U(-R, R) and y' likewise, while the row holds (x, y):
// noise makes targets wrong near an edge and does not move points.
#pragma once

#include <cstdint>

#include "core/data/plane_point.h"
#include "core/rng/philox.h"

namespace trainyard {

// The most noise that the Playground has.
inline constexpr double kMostPlaygroundNoise = 0.5;

// Two classes, a disc in a ring: distance from the origin U(0, 2.5) and U(3.5, 5)
// in turn, any direction. Target of (x', y') with R = 5: 1 within 2.5, else 0.
PlanePoint DrawCircle(std::int64_t row, double noise, PhiloxStream& random);

// Two classes, the exclusive or of signs: x and y U(-5, 5), moved 0.3 away from
// zero. Target of (x', y') with R = 5: 1 where x' y' >= 0, else 0. The classes
// are balanced on average.
PlanePoint DrawXorPoints(std::int64_t row, double noise, PhiloxStream& random);

// Two classes, two clouds: normal around (2, 2) for class 1 and (-2, -2) for
// class 0, with variance 0.5 + 7 noise in x and in y.
PlanePoint DrawGauss(std::int64_t row, double noise, PhiloxStream& random);

// Two classes, two arms: with u = U(0, 1), radius r = 5 u and angle
// t = 1.75 u 2 pi (+ pi for class 0), x = r sin t + noise U(-1, 1) and
// y = r cos t + noise U(-1, 1).
PlanePoint DrawSpiral(std::int64_t row, double noise, PhiloxStream& random);

// Regression, a plane: x and y U(-6, 6). Target of (x', y') with R = 6:
// (x' + y') / 10.
PlanePoint DrawPlane(std::int64_t row, double noise, PhiloxStream& random);

// Regression, six hills: x and y U(-6, 6). Target of (x', y') with R = 6: of the
// hills at (-4, 2.5), (4, 2.5), (0, -2.5) with sign 1 and (0, 2.5), (-4, -2.5),
// (4, -2.5) with sign -1, the nearest one's sign times max(0, 1 - d / 2), d being
// its distance.
PlanePoint DrawGaussRegression(std::int64_t row, double noise, PhiloxStream& random);

}  // namespace trainyard

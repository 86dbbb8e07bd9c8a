#include "core/data/playground.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/rng/trigonometry.h"

namespace trainyard {
namespace {

constexpr double kClassRadius = 5;
constexpr double kRegressionRadius = 6;

double Uniform(double low, double high, PhiloxStream& random) {
  return low + (high - low) * random.NextUniform();
}

double Distance(double x, double y) { return std::sqrt(x * x + y * y); }

bool IsFirstClass(std::int64_t row) { return row % 2 == 0; }

// Gives the point the target of one nearby.
template <typename Target>
PlanePoint Labelled(PlanePoint point, double radius, double noise, PhiloxStream& random,
                    Target target) {
  const double x = point.x + noise * Uniform(-radius, radius, random);
  const double y = point.y + noise * Uniform(-radius, radius, random);
  point.target = target(x, y);
  return point;
}

PlanePoint AnywhereInSquare(double radius, PhiloxStream& random) {
  const double x = Uniform(-radius, radius, random);
  return {x, Uniform(-radius, radius, random), 0};
}

double HillsAt(double x, double y) {
  struct Hill {
    double x, y, sign;
  };
  constexpr std::array<Hill, 6> kHills = {
      {{-4, 2.5, 1}, {0, 2.5, -1}, {4, 2.5, 1}, {-4, -2.5, -1}, {0, -2.5, 1}, {4, -2.5, -1}}};
  double height = 0;
  for (const Hill& hill : kHills) {
    const double own = std::max(0.0, 1 - Distance(x - hill.x, y - hill.y) / 2);
    if (own > std::abs(height)) height = hill.sign * own;
  }
  return height;
}

}  // namespace

PlanePoint DrawCircle(std::int64_t row, double noise, PhiloxStream& random) {
  const double radius = IsFirstClass(row) ? Uniform(0, kClassRadius * 0.5, random)
                                          : Uniform(kClassRadius * 0.7, kClassRadius, random);
  const SineCosine direction = DeterministicSineCosine(random.NextUniform());
  return Labelled(
      {radius * direction.sine, radius * direction.cosine, 0}, kClassRadius, noise, random,
      [](double x, double y) { return Distance(x, y) < kClassRadius * 0.5 ? 1.0 : 0.0; });
}

PlanePoint DrawXorPoints(std::int64_t, double noise, PhiloxStream& random) {
  constexpr double kPadding = 0.3;
  PlanePoint point = AnywhereInSquare(kClassRadius, random);
  point.x += point.x > 0 ? kPadding : -kPadding;
  point.y += point.y > 0 ? kPadding : -kPadding;
  return Labelled(point, kClassRadius, noise, random,
                  [](double x, double y) { return x * y >= 0 ? 1.0 : 0.0; });
}

PlanePoint DrawGauss(std::int64_t row, double noise, PhiloxStream& random) {
  const double centre = IsFirstClass(row) ? 2 : -2;
  const double deviation = std::sqrt(0.5 + 7 * noise);
  const double x = centre + deviation * random.NextNormal();
  return {x, centre + deviation * random.NextNormal(), IsFirstClass(row) ? 1.0 : 0.0};
}

PlanePoint DrawSpiral(std::int64_t row, double noise, PhiloxStream& random) {
  const double along = random.NextUniform();
  const double radius = kClassRadius * along;
  const SineCosine direction =
      DeterministicSineCosine(1.75 * along + (IsFirstClass(row) ? 0 : 0.5));
  const double x = radius * direction.sine + noise * Uniform(-1, 1, random);
  return {x, radius * direction.cosine + noise * Uniform(-1, 1, random),
          IsFirstClass(row) ? 1.0 : 0.0};
}

PlanePoint DrawPlane(std::int64_t, double noise, PhiloxStream& random) {
  return Labelled(AnywhereInSquare(kRegressionRadius, random), kRegressionRadius, noise, random,
                  [](double x, double y) { return (x + y) / 10; });
}

PlanePoint DrawGaussRegression(std::int64_t, double noise, PhiloxStream& random) {
  return Labelled(AnywhereInSquare(kRegressionRadius, random), kRegressionRadius, noise, random,
                  HillsAt);
}

}  // namespace trainyard

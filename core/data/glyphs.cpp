#include "core/data/glyphs.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <initializer_list>

namespace trainyard {
namespace {

// In a box from (0, 0), top left, to (1, 1).
struct Point {
  double x = 0;
  double y = 0;
};

// Quadratic Bezier curves one after another: a start, then a control point and
// an end for each.
using Stroke = std::vector<Point>;
using Glyph = std::vector<Stroke>;

// A stroke of straight lines, with the middle of each as its control point.
Stroke Lines(std::initializer_list<Point> corners) {
  Stroke stroke;
  for (const Point& corner : corners) {
    if (!stroke.empty()) {
      const Point last = stroke.back();
      stroke.push_back({(last.x + corner.x) / 2, (last.y + corner.y) / 2});
    }
    stroke.push_back(corner);
  }
  return stroke;
}

Stroke Loop(double x, double y, double rx, double ry) {
  // Four curves from the top, counterclockwise, as most people write.
  return {{x, y - ry},      {x - rx, y - ry}, {x - rx, y},      {x - rx, y + ry}, {x, y + ry},
          {x + rx, y + ry}, {x + rx, y},      {x + rx, y - ry}, {x, y - ry}};
}

// Ways to write each digit. Some are near those of another digit (an open 4 and
// a 9, a 7 with a short bar and a 1, a 3 with a flat top and a 5), as some are
// in everybody's hand.
const std::array<std::vector<Glyph>, kDigitClasses>& Glyphs() {
  static const std::array<std::vector<Glyph>, kDigitClasses> kGlyphs = {{
      // 0
      {{Loop(0.5, 0.5, 0.36, 0.5)},
       {Loop(0.5, 0.5, 0.26, 0.48)},
       {{{0.62, 0.04},
         {0.1, 0.0},
         {0.14, 0.5},
         {0.16, 1.02},
         {0.55, 0.98},
         {0.92, 0.9},
         {0.86, 0.45},
         {0.8, 0.0},
         {0.4, 0.1}}}},
      // 1
      {{Lines({{0.5, 0.0}, {0.5, 1.0}})},
       {Lines({{0.3, 0.22}, {0.55, 0.0}, {0.53, 1.0}})},
       {Lines({{0.32, 0.24}, {0.52, 0.0}, {0.52, 1.0}}), Lines({{0.25, 1.0}, {0.8, 1.0}})}},
      // 2
      {{{{0.15, 0.25},
         {0.25, -0.05},
         {0.55, 0.0},
         {0.95, 0.08},
         {0.75, 0.45},
         {0.55, 0.75},
         {0.12, 1.0},
         {0.5, 0.98},
         {0.9, 0.97}}},
       {{{0.18, 0.2},
         {0.35, -0.05},
         {0.6, 0.02},
         {0.92, 0.12},
         {0.72, 0.5},
         {0.5, 0.85},
         {0.2, 0.95},
         {0.05, 0.85},
         {0.2, 0.76},
         {0.42, 0.74},
         {0.9, 1.0}}},
       {Lines({{0.15, 0.1}, {0.75, 0.06}, {0.7, 0.4}, {0.15, 0.95}, {0.85, 0.95}})}},
      // 3
      {{{{0.18, 0.12},
         {0.5, -0.08},
         {0.74, 0.1},
         {0.9, 0.38},
         {0.42, 0.47},
         {0.98, 0.5},
         {0.82, 0.8},
         {0.6, 1.1},
         {0.14, 0.9}}},
       {{{0.2, 0.04},
         {0.5, 0.03},
         {0.8, 0.02},
         {0.62, 0.2},
         {0.42, 0.4},
         {0.95, 0.42},
         {0.82, 0.78},
         {0.62, 1.1},
         {0.15, 0.92}}},
       {{{0.2, 0.1},
         {0.62, -0.08},
         {0.68, 0.2},
         {0.7, 0.44},
         {0.35, 0.46},
         {0.9, 0.45},
         {0.78, 0.82},
         {0.55, 1.06},
         {0.2, 0.95}}}},
      // 4
      {{Lines({{0.62, 0.0}, {0.12, 0.65}, {0.92, 0.65}}), Lines({{0.66, 0.3}, {0.66, 1.0}})},
       {Lines({{0.2, 0.02}, {0.18, 0.5}, {0.78, 0.48}}), Lines({{0.76, 0.02}, {0.7, 1.0}})},
       {Lines({{0.72, 1.0}, {0.72, 0.02}, {0.14, 0.62}, {0.9, 0.6}})},
       {{{0.3, 0.05}, {0.1, 0.5}, {0.4, 0.5}, {0.6, 0.5}, {0.78, 0.42}},
        Lines({{0.8, 0.02}, {0.68, 1.0}})}},
      // 5
      {{{{0.82, 0.02},
         {0.5, 0.03},
         {0.26, 0.03},
         {0.24, 0.2},
         {0.2, 0.44},
         {0.75, 0.3},
         {0.84, 0.65},
         {0.8, 1.08},
         {0.14, 0.93}}},
       {{{0.24, 0.05},
         {0.22, 0.25},
         {0.22, 0.42},
         {0.8, 0.34},
         {0.8, 0.7},
         {0.7, 1.08},
         {0.16, 0.94}},
        Lines({{0.24, 0.05}, {0.84, 0.0}})},
       {{{0.75, 0.06},
         {0.3, -0.02},
         {0.3, 0.2},
         {0.28, 0.42},
         {0.55, 0.46},
         {0.85, 0.55},
         {0.7, 0.85},
         {0.5, 1.05},
         {0.2, 0.92}}}},
      // 6
      {{{{0.7, 0.0},
         {0.2, 0.2},
         {0.18, 0.65},
         {0.2, 1.02},
         {0.52, 1.0},
         {0.86, 0.95},
         {0.8, 0.68},
         {0.7, 0.42},
         {0.2, 0.68}}},
       {{{0.45, 0.0},
         {0.2, 0.4},
         {0.22, 0.72},
         {0.26, 1.0},
         {0.5, 0.98},
         {0.82, 0.92},
         {0.74, 0.7},
         {0.6, 0.5},
         {0.22, 0.75}}},
       {Lines({{0.55, 0.0}, {0.24, 0.6}}), Loop(0.5, 0.75, 0.28, 0.24)}},
      // 7
      {{Lines({{0.12, 0.05}, {0.85, 0.03}, {0.4, 1.0}})},
       {Lines({{0.12, 0.05}, {0.85, 0.03}, {0.42, 1.0}}), Lines({{0.3, 0.5}, {0.78, 0.48}})},
       {{{0.15, 0.2},
         {0.12, 0.02},
         {0.4, 0.06},
         {0.9, 0.1},
         {0.82, 0.14},
         {0.55, 0.5},
         {0.5, 1.0}}},
       {Lines({{0.3, 0.08}, {0.7, 0.03}, {0.48, 1.0}})}},
      // 8
      {{{{0.75, 0.15},
         {0.5, -0.1},
         {0.28, 0.14},
         {0.14, 0.36},
         {0.5, 0.48},
         {0.95, 0.66},
         {0.74, 0.88},
         {0.5, 1.08},
         {0.24, 0.86},
         {0.1, 0.62},
         {0.5, 0.46},
         {0.84, 0.32},
         {0.75, 0.15}}},
       {Loop(0.5, 0.24, 0.24, 0.24), Loop(0.5, 0.74, 0.3, 0.26)},
       {Loop(0.53, 0.26, 0.3, 0.24), Loop(0.48, 0.74, 0.22, 0.24)}},
      // 9
      {{Loop(0.48, 0.28, 0.28, 0.28), Lines({{0.77, 0.25}, {0.7, 1.0}})},
       {{{0.78, 0.16},
         {0.4, -0.12},
         {0.22, 0.25},
         {0.2, 0.55},
         {0.5, 0.5},
         {0.78, 0.44},
         {0.78, 0.12},
         {0.8, 0.7},
         {0.66, 1.0}}},
       {Loop(0.5, 0.26, 0.26, 0.26),
        {{0.76, 0.24}, {0.86, 0.9}, {0.55, 0.98}, {0.38, 1.0}, {0.22, 0.9}}},
       {{{0.7, 0.08},
         {0.3, 0.0},
         {0.24, 0.3},
         {0.26, 0.52},
         {0.55, 0.46},
         {0.74, 0.4},
         {0.77, 0.06},
         {0.76, 0.5},
         {0.68, 1.0}}}},
  }};
  return kGlyphs;
}

// Uniform from -1 to 1.
double Signed(PhiloxStream& random) { return 2 * random.NextUniform() - 1; }

// Near zero more often than not, from -1 to 1.
double Bent(PhiloxStream& random) { return (Signed(random) + Signed(random)) / 2; }

// From the box to pixels.
struct Pose {
  Pose(double noise, PhiloxStream& random) {
    // The half angle's tangent gives sine and cosine as fractions.
    const double t = 0.24 * noise * Bent(random);
    const double cosine = (1 - t * t) / (1 + t * t);
    const double sine = 2 * t / (1 + t * t);
    const double shear = 0.1 + 0.75 * noise * Bent(random);
    const double width = 16 * (1 + 0.55 * noise * Bent(random));
    const double height = 19 * (1 + 0.35 * noise * Bent(random));
    xx = cosine * width;
    xy = (-cosine * shear - sine) * height;
    yx = sine * width;
    yy = (-sine * shear + cosine) * height;
    center.x = kDigitSide / 2.0 + 5 * noise * Bent(random);
    center.y = kDigitSide / 2.0 + 5 * noise * Bent(random);
  }

  Point operator()(Point p) const {
    p.x -= 0.5;
    p.y -= 0.5;
    return {center.x + xx * p.x + xy * p.y, center.y + yx * p.x + yy * p.y};
  }

  double xx = 0, xy = 0, yx = 0, yy = 0;
  Point center;
};

// A line of ink between two points.
struct Segment {
  Point from;
  Point to;
};

constexpr int kSegmentsPerCurve = 6;

void AddCurve(Point a, Point control, Point b, std::vector<Segment>& segments) {
  Point last = a;
  for (int i = 1; i <= kSegmentsPerCurve; ++i) {
    const double t = static_cast<double>(i) / kSegmentsPerCurve;
    const double u = 1 - t;
    const Point next = {u * u * a.x + 2 * u * t * control.x + t * t * b.x,
                        u * u * a.y + 2 * u * t * control.y + t * t * b.y};
    segments.push_back({last, next});
    last = next;
  }
}

std::vector<Segment> Trace(const Glyph& glyph, double noise, PhiloxStream& random) {
  const Pose pose(noise, random);
  const double wobble = 0.2 * noise;
  std::vector<Segment> segments;
  for (const Stroke& stroke : glyph) {
    std::vector<Point> points;
    for (Point point : stroke) {
      point.x += wobble * Bent(random);
      point.y += wobble * Bent(random);
      points.push_back(pose(point));
    }
    for (std::size_t i = 0; i + 2 < points.size(); i += 2) {
      AddCurve(points[i], points[i + 1], points[i + 2], segments);
    }
  }
  // A pen that skips: a run of segments is missing.
  if (random.NextUniform() < 0.5 * noise) {
    const auto begin = random.NextBelow(segments.size());
    const auto length = 1 + random.NextBelow(1 + segments.size() / 5);
    const auto end = std::min<std::uint64_t>(begin + length, segments.size());
    segments.erase(segments.begin() + static_cast<std::ptrdiff_t>(begin),
                   segments.begin() + static_cast<std::ptrdiff_t>(end));
  }
  return segments;
}

double SquaredDistance(Point p, const Segment& s) {
  const double dx = s.to.x - s.from.x;
  const double dy = s.to.y - s.from.y;
  const double length = dx * dx + dy * dy;
  double t = 0;
  if (length > 0) t = ((p.x - s.from.x) * dx + (p.y - s.from.y) * dy) / length;
  t = std::clamp(t, 0.0, 1.0);
  const double ex = p.x - s.from.x - t * dx;
  const double ey = p.y - s.from.y - t * dy;
  return ex * ex + ey * ey;
}

// Distances of all pixels from the ink, at most `reach`.
std::array<double, kDigitPixels> Distances(const std::vector<Segment>& segments, double reach) {
  std::array<double, kDigitPixels> squared;
  squared.fill(reach * reach);
  const auto pixel = [](double x) {
    return std::clamp(static_cast<int>(std::clamp(x, -1.0, kDigitSide + 1.0)), 0, kDigitSide - 1);
  };
  for (const Segment& s : segments) {
    for (int y = pixel(std::min(s.from.y, s.to.y) - reach - 1);
         y <= pixel(std::max(s.from.y, s.to.y) + reach + 1); ++y) {
      for (int x = pixel(std::min(s.from.x, s.to.x) - reach - 1);
           x <= pixel(std::max(s.from.x, s.to.x) + reach + 1); ++x) {
        double& best =
            squared[static_cast<std::size_t>(y) * kDigitSide + static_cast<std::size_t>(x)];
        best = std::min(best, SquaredDistance({x + 0.5, y + 0.5}, s));
      }
    }
  }
  for (double& distance : squared) distance = std::sqrt(distance);
  return squared;
}

}  // namespace

void DrawDigit(int digit, double noise, PhiloxStream& random, std::span<std::uint8_t> pixels) {
  const std::vector<Glyph>& ways = Glyphs()[static_cast<std::size_t>(digit)];
  const Glyph& glyph = ways[random.NextBelow(ways.size())];
  const std::vector<Segment> segments = Trace(glyph, noise, random);
  const double radius = 1.15 + 0.9 * noise * Bent(random);
  const double ink = 255 * (1 - 0.3 * noise * random.NextUniform());
  constexpr double kSoftEdge = 1.2;
  const auto distances = Distances(segments, radius + kSoftEdge);
  for (std::size_t i = 0; i < distances.size(); ++i) {
    double shade = ink * std::clamp((radius + kSoftEdge - distances[i]) / kSoftEdge, 0.0, 1.0);
    // Paper stays clean, apart from a speck now and then.
    if (shade > 0) {
      shade *= 1 - 0.5 * noise * random.NextUniform();
    } else if (random.NextUniform() < 0.012 * noise) {
      shade = 200 * random.NextUniform();
    }
    pixels[i] = static_cast<std::uint8_t>(shade);
  }
}

}  // namespace trainyard

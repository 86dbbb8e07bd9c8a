#include "core/data/playground.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numbers>
#include <vector>

#include "core/base/error.h"
#include "core/data/generate.h"
#include "tests/support/temp_folder.h"

namespace trainyard {
namespace {

struct Row {
  double x, y, target;
};

std::vector<Row> Rows(const GeneratorSpec& spec) {
  const TempFolder folder;
  const auto info = Generate(spec, folder.path());
  EXPECT_TRUE(info.ok()) << info.status();
  const auto data = *Dataset::Open(folder.path());
  EXPECT_EQ(data.features(), 2);
  std::vector<Row> rows;
  for (std::int64_t row = 0; row < data.rows(); ++row) {
    const auto index = static_cast<std::size_t>(row);
    const auto x = data.FloatsOf(row);
    const double target =
        data.task() == Task::kRegression ? double{data.targets()[index]} : data.labels()[index];
    rows.push_back({x[0], x[1], target});
  }
  return rows;
}

std::vector<Row> Rows(GeneratorKind kind, double noise = 0, std::int64_t rows = 2000) {
  return Rows(GeneratorSpec{.kind = kind, .rows = rows, .noise = noise, .seed = 1});
}

double Share(const std::vector<Row>& rows, const std::function<bool(const Row&)>& holds) {
  return static_cast<double>(std::ranges::count_if(rows, holds)) / static_cast<double>(rows.size());
}

double Mean(const std::vector<Row>& rows, const std::function<double(const Row&)>& value) {
  double sum = 0;
  for (const Row& row : rows) sum += value(row);
  return sum / static_cast<double>(rows.size());
}

const std::vector<GeneratorKind> kClassifications = {GeneratorKind::kCircle,
                                                     GeneratorKind::kXorPoints,
                                                     GeneratorKind::kGauss, GeneratorKind::kSpiral};
const std::vector<GeneratorKind> kAll = {GeneratorKind::kCircle, GeneratorKind::kXorPoints,
                                         GeneratorKind::kGauss,  GeneratorKind::kSpiral,
                                         GeneratorKind::kPlane,  GeneratorKind::kGaussRegression};

TEST(GeneratePlayground, MakesBalancedClassesOrOneTarget) {
  for (const GeneratorKind kind : kAll) {
    const TempFolder folder;
    const auto info = *Generate({.kind = kind, .rows = 1000, .noise = {}}, folder.path());
    EXPECT_EQ(info.rows, 1000);
    EXPECT_EQ(info.features, 2);
    EXPECT_EQ(info.auto_scaling, AutoScaling::kNone);
    EXPECT_EQ(info.task, TaskOf(kind));
    if (info.task == Task::kRegression) {
      EXPECT_EQ(info.target_count, 1);
      EXPECT_EQ(info.class_count, 0);
      continue;
    }
    ASSERT_EQ(info.class_count, 2);
    // By construction, but for the signs of random points.
    const double slack = kind == GeneratorKind::kXorPoints ? 60 : 0;
    EXPECT_NEAR(static_cast<double>(info.label_histogram[0]), 500, slack);
  }
}

TEST(GeneratePlayground, GivesTheSameRowsForASeedWhateverTheirNumber) {
  for (const GeneratorKind kind : kAll) {
    const auto small = Rows({.kind = kind, .rows = 10, .noise = 0.2, .seed = 3});
    const auto large = Rows({.kind = kind, .rows = 20, .noise = 0.2, .seed = 3});
    const auto other = Rows({.kind = kind, .rows = 10, .noise = 0.2, .seed = 4});
    EXPECT_EQ(small[9].x, large[9].x);
    EXPECT_EQ(small[9].y, large[9].y);
    EXPECT_EQ(small[9].target, large[9].target);
    EXPECT_NE(small[9].x, other[9].x);
  }
}

TEST(GeneratePlayground, GivesTheSameBytesEverywhere) {
  // Golden: change it only on purpose, for a run is repeated by its seed.
  const TempFolder folder;
  EXPECT_EQ(Generate({.kind = GeneratorKind::kSpiral, .rows = 100, .noise = 0.1, .seed = 7},
                     folder.path())
                ->digest,
            "5a7ec3d9c0856210dee5b7f85cbe95a109a49dce73f2c68917aaef7bb7a10281");
  EXPECT_EQ(
      Generate({.kind = GeneratorKind::kGauss, .rows = 100, .noise = 0.1, .seed = 7}, folder.path())
          ->digest,
      "c25b4c4f0152a342530e468c35a78bf5dbd60d40e6ad7ca966067ca983f11e79");
}

TEST(GenerateCircle, IsADiscInARing) {
  for (const Row& row : Rows(GeneratorKind::kCircle)) {
    const double distance = std::hypot(row.x, row.y);
    if (row.target == 1) {
      EXPECT_LT(distance, 2.5);
    } else {
      EXPECT_GE(distance, 3.5 - 1e-6);
      EXPECT_LE(distance, 5 + 1e-6);
    }
  }
  // In every direction alike.
  EXPECT_NEAR(Share(Rows(GeneratorKind::kCircle), [](const Row& row) { return row.x > 0; }), 0.5,
              0.05);
}

TEST(GenerateXorPoints, HasTheSignOfTheProductAndAGapAtTheAxes) {
  for (const Row& row : Rows(GeneratorKind::kXorPoints)) {
    EXPECT_EQ(row.target, row.x * row.y > 0 ? 1 : 0);
    for (const double value : {row.x, row.y}) {
      EXPECT_GE(std::abs(value), 0.3 - 1e-6);
      EXPECT_LE(std::abs(value), 5.3 + 1e-6);
    }
  }
}

TEST(GenerateGauss, HasTwoCloudsOfTheStatedVariance) {
  for (const double noise : {0.0, 0.5}) {
    const auto rows = Rows(GeneratorKind::kGauss, noise, 20000);
    const double variance = 0.5 + 7 * noise;
    for (const double sign : {1.0, -1.0}) {
      std::vector<Row> cloud;
      std::ranges::copy_if(rows, std::back_inserter(cloud),
                           [&](const Row& row) { return (row.target == 1) == (sign > 0); });
      const double centre = Mean(cloud, [](const Row& row) { return (row.x + row.y) / 2; });
      EXPECT_NEAR(centre, 2 * sign, 0.05);
      EXPECT_NEAR(Mean(cloud, [&](const Row& row) { return std::pow(row.x - 2 * sign, 2); }),
                  variance, 0.05 * variance);
      EXPECT_NEAR(Mean(cloud, [&](const Row& row) { return std::pow(row.y - 2 * sign, 2); }),
                  variance, 0.05 * variance);
    }
  }
}

TEST(GenerateSpiral, LiesOnItsArmsAndNoiseMovesItWithinItsBound) {
  for (const double noise : {0.0, 0.5}) {
    const auto clean = Rows(GeneratorKind::kSpiral, 0);
    const auto noisy = Rows(GeneratorKind::kSpiral, noise);
    double largest = 0;
    for (std::size_t i = 0; i < clean.size(); ++i) {
      const double radius = std::hypot(clean[i].x, clean[i].y);
      const double angle =
          1.75 * radius / 5 * 2 * std::numbers::pi + (clean[i].target == 1 ? 0 : std::numbers::pi);
      EXPECT_LE(radius, 5);
      EXPECT_NEAR(clean[i].x, radius * std::sin(angle), 1e-5);
      EXPECT_NEAR(clean[i].y, radius * std::cos(angle), 1e-5);
      EXPECT_EQ(clean[i].target, noisy[i].target);
      largest = std::max(largest, std::abs(clean[i].x - noisy[i].x));
    }
    EXPECT_LE(largest, noise + 1e-6);
    EXPECT_GE(largest, noise * 0.99);
  }
}

TEST(GeneratePlane, IsAPlaneAndNoiseMovesItsTargetsWithinTheirBound) {
  for (const double noise : {0.0, 0.25}) {
    double largest = 0;
    for (const Row& row : Rows(GeneratorKind::kPlane, noise)) {
      EXPECT_LE(std::abs(row.x), 6);
      largest = std::max(largest, std::abs(row.target - (row.x + row.y) / 10));
    }
    // Both coordinates by 6 noise at most, seldom together.
    EXPECT_LE(largest, 1.2 * noise + 1e-6);
    EXPECT_GE(largest, 0.9 * 1.2 * noise);
  }
}

TEST(GenerateGaussRegression, HasSixHillsOfRadiusTwo) {
  const std::vector<Row> hills = {{-4, 2.5, 1},   {0, 2.5, -1}, {4, 2.5, 1},
                                  {-4, -2.5, -1}, {0, -2.5, 1}, {4, -2.5, -1}};
  int on_a_hill = 0;
  for (const Row& row : Rows(GeneratorKind::kGaussRegression)) {
    double expected = 0;
    double nearest = 2;
    for (const Row& hill : hills) {
      const double distance = std::hypot(row.x - hill.x, row.y - hill.y);
      if (distance >= nearest) continue;
      nearest = distance;
      expected = hill.target * (1 - distance / 2);
    }
    EXPECT_NEAR(row.target, expected, 1e-6);
    on_a_hill += expected != 0;
  }
  // Six discs of area 4 pi in a square of 144, with little overlap.
  EXPECT_NEAR(on_a_hill / 2000.0, 0.52, 0.06);
}

TEST(GeneratePlayground, NoiseMakesSomeTargetsWrong) {
  for (const GeneratorKind kind : {GeneratorKind::kCircle, GeneratorKind::kXorPoints}) {
    const auto clean = Rows(kind, 0);
    for (const double noise : {0.1, 0.5}) {
      const auto noisy = Rows(kind, noise);
      int wrong = 0;
      for (std::size_t i = 0; i < clean.size(); ++i) {
        EXPECT_EQ(clean[i].x, noisy[i].x);
        wrong += clean[i].target != noisy[i].target;
      }
      EXPECT_GT(wrong, noise < 0.2 ? 0 : 300);
      EXPECT_LT(wrong, noise < 0.2 ? 200 : 1000);
    }
  }
}

TEST(GeneratePlayground, RefusesNoiseAndRowsThatMakeNoSense) {
  for (const GeneratorKind kind : kAll) {
    EXPECT_TRUE(Validate({.kind = kind, .rows = 1, .noise = 0.5}).ok());
    EXPECT_EQ(GetErrorDetails(Validate({.kind = kind, .rows = 1, .noise = 0.51})).field, "noise");
    EXPECT_EQ(GetErrorDetails(Validate({.kind = kind, .rows = 0, .noise = {}})).field, "rows");
  }
}

}  // namespace
}  // namespace trainyard

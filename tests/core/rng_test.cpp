#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <set>

#include "core/rng/elementary.h"
#include "core/rng/mt19937.h"
#include "core/rng/philox.h"
#include "core/rng/trigonometry.h"

namespace trainyard {
namespace {

using ::testing::ElementsAre;

// The known answers that come with the authors' Random123.
TEST(Philox, GivesTheKnownAnswers) {
  EXPECT_THAT(Philox4x32({0, 0, 0, 0}, {0, 0}),
              ElementsAre(0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8));
  EXPECT_THAT(
      Philox4x32({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}),
      ElementsAre(0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd));
  EXPECT_THAT(
      Philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
      ElementsAre(0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1));
}

TEST(PhiloxStream, BeginsWithTheBlockOfItsKeyAndCounter) {
  PhiloxStream stream((std::uint64_t{2} << 32) | 1, RandomPurpose::kPermutation, 7);
  for (const std::uint32_t word : Philox4x32({0, 0, 2, 7}, {1, 2})) {
    EXPECT_EQ(stream.NextUint32(), word);
  }
  EXPECT_EQ(stream.NextUint32(), Philox4x32({1, 0, 2, 7}, {1, 2})[0]);
}

TEST(PhiloxStream, UniformsAreInTheHalfOpenUnitIntervalWithTheRightMean) {
  PhiloxStream stream(3, RandomPurpose::kWeights);
  double sum = 0;
  for (int i = 0; i < 100000; ++i) {
    const double u = stream.NextUniform();
    ASSERT_GE(u, 0);
    ASSERT_LT(u, 1);
    sum += u;
  }
  EXPECT_NEAR(sum / 100000, 0.5, 0.005);
}

TEST(PhiloxStream, BoundedIntegersAreUniform) {
  PhiloxStream stream(4, RandomPurpose::kWeights);
  std::vector<int> counts(7);
  for (int i = 0; i < 70000; ++i) ++counts[stream.NextBelow(7)];
  for (const int count : counts) EXPECT_NEAR(count, 10000, 500);
  EXPECT_EQ(stream.NextBelow(1), 0);
  // A bound for which half of the draws have to be rejected.
  const std::uint64_t large = (std::uint64_t{1} << 63) + 1;
  for (int i = 0; i < 100; ++i) EXPECT_LT(stream.NextBelow(large), large);
}

TEST(PhiloxStream, NormalsHaveMeanZeroAndDeviationOne) {
  PhiloxStream stream(5, RandomPurpose::kWeights);
  double sum = 0;
  double squares = 0;
  for (int i = 0; i < 100000; ++i) {
    const double x = stream.NextNormal();
    sum += x;
    squares += x * x;
  }
  EXPECT_NEAR(sum / 100000, 0, 0.02);
  EXPECT_NEAR(squares / 100000, 1, 0.02);
}

TEST(RandomPermutation, HasEveryNumberOnceAndDependsOnSeedAndEpochAlone) {
  const std::vector<std::uint32_t> order = RandomPermutation(1000, 1, 1);
  EXPECT_EQ(std::set(order.begin(), order.end()).size(), 1000);
  EXPECT_EQ(*std::ranges::max_element(order), 999);
  EXPECT_EQ(order, RandomPermutation(1000, 1, 1));
  EXPECT_NE(order, RandomPermutation(1000, 1, 2));
  EXPECT_NE(order, RandomPermutation(1000, 2, 1));
  EXPECT_THAT(RandomPermutation(0, 1, 1), ElementsAre());
  EXPECT_THAT(RandomPermutation(1, 1, 1), ElementsAre(0));
}

// What NumPy 1.24 prints for np.random.seed, rand and permutation.
TEST(Mt19937, DrawsWhatNumpyDraws) {
  Mt19937 zero(0);
  for (const double expected : {0.5488135039273248, 0.7151893663724195, 0.6027633760716439,
                                0.5448831829968969, 0.4236547993389047, 0.6458941130666561}) {
    EXPECT_EQ(zero.NextUniform(), expected);
  }
  EXPECT_THAT(zero.Permutation(10), ElementsAre(3, 5, 1, 2, 9, 8, 0, 6, 7, 4));
  EXPECT_THAT(zero.Permutation(1), ElementsAre(0));
  EXPECT_EQ(zero.NextUniform(), 0.8121687287754932);
  Mt19937 last(4294967295);
  EXPECT_NEAR(last.NextUniform(), 0.09763203, 1e-8);
  last.NextUniform();
  last.NextUniform();
  EXPECT_THAT(last.Permutation(5), ElementsAre(4, 3, 0, 1, 2));
}

TEST(Mt19937, GoesOnFromItsState) {
  Mt19937 generator(1);
  for (int i = 0; i < 3 * 312; ++i) generator.NextUniform();
  Mt19937 copy(generator.state());
  EXPECT_EQ(generator.NextUniform(), 0x1.c0084c733dee8p-4);
  EXPECT_EQ(copy.NextUniform(), 0x1.c0084c733dee8p-4);
  EXPECT_EQ(copy.Permutation(1000), generator.Permutation(1000));
  EXPECT_EQ(copy.state(), generator.state());
}

TEST(Elementary, AgreesWithLibm) {
  for (double x = 0; x <= 1; x += 1e-3) {
    EXPECT_NEAR(DeterministicCosPi(x), std::cos(std::numbers::pi * x), 1e-15) << x;
  }
  EXPECT_EQ(IntegerPower(0.5, 10), 0x1p-10);
  EXPECT_EQ(IntegerPower(3, 0), 1);
  for (double x = -700; x < 700; x += 0.37) {
    EXPECT_NEAR(DeterministicExp(x) / std::exp(x), 1, 5e-16) << x;
  }
  for (double x = 1e-300; x < 1e300; x *= 1.7) {
    EXPECT_NEAR(DeterministicLog(x), std::log(x), 5e-16 * std::abs(std::log(x)) + 1e-16) << x;
  }
  EXPECT_TRUE(std::isnan(DeterministicExp(std::nan(""))));
}

TEST(SineCosine, AgreesWithLibmAndIsExactAtQuarters) {
  for (double turns = -3; turns < 3; turns += 0.0007) {
    const SineCosine found = DeterministicSineCosine(turns);
    EXPECT_NEAR(found.sine, std::sin(2 * std::numbers::pi * turns), 5e-15) << turns;
    EXPECT_NEAR(found.cosine, std::cos(2 * std::numbers::pi * turns), 5e-15) << turns;
    EXPECT_NEAR(found.sine * found.sine + found.cosine * found.cosine, 1, 5e-16);
  }
  for (int quarter = -4; quarter <= 4; ++quarter) {
    const SineCosine found = DeterministicSineCosine(quarter / 4.0);
    EXPECT_EQ(std::abs(found.sine), std::abs(quarter % 2));
    EXPECT_EQ(std::abs(found.cosine), 1 - std::abs(quarter % 2));
  }
}

}  // namespace
}  // namespace trainyard

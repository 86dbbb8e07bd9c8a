#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <numbers>

#include "core/kernels/variant.h"
#include "core/optim/optimizer.h"
#include "core/optim/penalty.h"
#include "core/optim/schedule.h"

namespace trainyard {
namespace {

constexpr int kUpdates = 100;

// Two weights and one bias.
NetworkSpec Tiny() {
  NetworkSpec network;
  network.inputs = 2;
  network.layers = {{1}};
  return network;
}

struct Weights {
  double w1 = 1;
  double w2 = -2;
  double b = 0.5;
};

// Of f = (w1 - 3)^2 + 10 (w2 - 1)^2 + w1 w2 + b^4, whose valleys are of
// different widths.
Weights GradientAt(const Weights& at) {
  return {2 * (at.w1 - 3) + at.w2, 20 * (at.w2 - 1) + at.w1, 4 * at.b * at.b * at.b};
}

Weights WeightsIn(const PackedNetwork<double>& network) {
  const PackedLayer<double>& layer = network.layer(0);
  return {layer.weights[0], layer.weights[layer.stride], layer.biases[0]};
}

void Fill(PackedNetwork<double>& network, const Weights& values) {
  const PackedLayer<double>& layer = network.layer(0);
  layer.weights[0] = values.w1;
  layer.weights[layer.stride] = values.w2;
  layer.biases[0] = values.b;
}

// The weights after kUpdates of half the doubled gradient.
Weights Descend(const OptimizerSpec& spec, double rate, const PenaltySpec& penalty = {}) {
  ThreadTeam team(3);
  const auto optimizer = MakeOptimizer<double>(spec, Tiny());
  PackedNetwork<double> network(Tiny());
  PackedNetwork<double> gradient(Tiny());
  Fill(network, Weights{});
  for (int update = 1; update <= kUpdates; ++update) {
    const Weights g = GradientAt(WeightsIn(network));
    Fill(gradient, {2 * g.w1, 2 * g.w2, 2 * g.b});
    double scale = 0.5;
    if (penalty.any()) {
      Penalise(penalty, network, scale, gradient, team);
      scale = 1;
    }
    optimizer->Update(network, gradient, scale, rate, update, team);
  }
  return WeightsIn(network);
}

class OptimizerTest : public ::testing::TestWithParam<std::string> {
 protected:
  OptimizerTest() : before_(ActiveVariant()) { EXPECT_TRUE(SelectVariant(GetParam())); }
  ~OptimizerTest() override { SelectVariant(before_); }

  static void ExpectNear(const Weights& found, const Weights& expected) {
    EXPECT_NEAR(found.w1, expected.w1, 1e-10);
    EXPECT_NEAR(found.w2, expected.w2, 1e-10);
    EXPECT_NEAR(found.b, expected.b, 1e-10);
  }

 private:
  std::string before_;
};

// The figures are those of torch.optim of PyTorch 1.13 in float64 after as many
// steps on the same function; where weights decay it is given the bias in a
// group of its own without decay.
TEST_P(OptimizerTest, TakesPyTorchsSteps) {
  ExpectNear(Descend(SgdSpec{}, 0.02),
             {2.5375829788933024, 0.8732636626850337, 0.2225193978212748});
  ExpectNear(Descend(MomentumSpec{}, 0.02),
             {2.5587683639295067, 0.887222485156268, -0.058296324585246764});
  ExpectNear(Descend(MomentumSpec{0.8, true}, 0.02),
             {2.564105413799469, 0.8717947139640148, 0.0993141428937506});
  ExpectNear(Descend(AdamSpec{}, 0.1),
             {2.5944220532269022, 0.8616406861585585, 0.03391807929645474});
  ExpectNear(Descend(AdamSpec{0.8, 0.95, 1e-3}, 0.1),
             {2.564636295951467, 0.8716429430351406, -0.016981299340744035});
  ExpectNear(Descend(AdamWSpec{{}, 0.5}, 0.1),
             {1.5907165703430142, 0.6630183324113187, 0.03391807929645474});
  // SGD's weight_decay is our l2.
  ExpectNear(Descend(MomentumSpec{}, 0.02, {0, 0.3}),
             {2.2317342941607152, 0.8862084586958392, -0.058296324585246764});
}

// dF/dW + l1 sign(W) + l2 W, on weights alone.
TEST_P(OptimizerTest, PenaltiesPullWeightsAndNotBiases) {
  const PenaltySpec penalty = {0.1, 0.01};
  Weights at;
  for (int update = 0; update < kUpdates; ++update) {
    Weights g = GradientAt(at);
    g.w1 += 0.1 * (at.w1 > 0 ? 1 : -1) + 0.01 * at.w1;
    g.w2 += 0.1 * (at.w2 > 0 ? 1 : -1) + 0.01 * at.w2;
    at = {at.w1 - 0.02 * g.w1, at.w2 - 0.02 * g.w2, at.b - 0.02 * g.b};
  }
  ExpectNear(Descend(SgdSpec{}, 0.02, penalty), at);
}

TEST_P(OptimizerTest, APenaltyLeavesAWeightOfZeroAlone) {
  PackedNetwork<float> network(Tiny());
  PackedNetwork<float> gradient(Tiny());
  ThreadTeam team(1);
  Penalise({1, 1}, network, 1, gradient, team);
  for (std::int64_t i = 0; i < gradient.element_count(); ++i) EXPECT_EQ(gradient.data()[i], 0);
}

TEST_P(OptimizerTest, FloatsFollowDoubles) {
  ThreadTeam team(1);
  const auto optimizer = MakeOptimizer<float>(AdamSpec{}, Tiny());
  PackedNetwork<float> network(Tiny());
  PackedNetwork<float> gradient(Tiny());
  gradient.layer(0).weights[0] = 4;
  for (int update = 1; update <= kUpdates; ++update) {
    optimizer->Update(network, gradient, 1, 0.01, update, team);
  }
  // A constant gradient moves a weight by the rate each time.
  EXPECT_NEAR(network.layer(0).weights[0], -0.01 * kUpdates, 1e-5);
  EXPECT_EQ(network.layer(0).biases[0], 0);
}

std::vector<std::string> Variants() {
  std::vector<std::string> names;
  for (const std::string_view name : AvailableVariants()) names.emplace_back(name);
  return names;
}

INSTANTIATE_TEST_SUITE_P(Variants, OptimizerTest, ::testing::ValuesIn(Variants()),
                         [](const auto& variant) { return variant.param; });

TEST(RateAt, IsConstantWithoutASchedule) { EXPECT_EQ(RateAt({}, 0.3, {7, 3, 10, 20}), 0.3); }

TEST(RateAt, StepsAtTheEndOfSoManyEpochs) {
  const ScheduleSpec spec = {StepSchedule{2, 0.5}, 0};
  EXPECT_EQ(RateAt(spec, 1, {0, 9, 10, 6}), 1);
  EXPECT_EQ(RateAt(spec, 1, {1, 9, 10, 6}), 1);
  EXPECT_EQ(RateAt(spec, 1, {2, 0, 10, 6}), 0.5);
  EXPECT_EQ(RateAt(spec, 1, {5, 0, 10, 6}), 0.25);
}

TEST(RateAt, FollowsACosineFromUpdateToUpdate) {
  const ScheduleSpec spec = {CosineSchedule{0.1}, 0};
  EXPECT_EQ(RateAt(spec, 1, {0, 0, 10, 4}), 1);
  EXPECT_NEAR(RateAt(spec, 1, {1, 0, 10, 4}), 0.1 + 0.9 * (1 + std::cos(std::numbers::pi / 4)) / 2,
              1e-15);
  EXPECT_NEAR(RateAt(spec, 1, {2, 0, 10, 4}), 0.55, 1e-15);
  EXPECT_GT(RateAt(spec, 1, {3, 9, 10, 4}), 0.1);
  EXPECT_LT(RateAt(spec, 1, {3, 9, 10, 4}), 0.102);
}

TEST(RateAt, WarmsUpAndThenBeginsTheCosine) {
  const ScheduleSpec spec = {CosineSchedule{0}, 1.5};
  EXPECT_NEAR(RateAt(spec, 1, {0, 0, 10, 4}), 1.0 / 15, 1e-15);
  EXPECT_NEAR(RateAt(spec, 1, {1, 3, 10, 4}), 14.0 / 15, 1e-15);
  EXPECT_EQ(RateAt(spec, 1, {1, 5, 10, 4}), 1);
  EXPECT_NEAR(RateAt(spec, 1, {2, 15 - 20 + 12, 10, 4}),
              (1 + std::cos(std::numbers::pi * 12 / 25)) / 2, 1e-15);
  // One that is longer than the run never ends.
  EXPECT_NEAR(RateAt({{}, 100}, 1, {3, 9, 10, 4}), 0.04, 1e-15);
}

}  // namespace
}  // namespace trainyard

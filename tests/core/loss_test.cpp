#include "core/loss/loss.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace trainyard {
namespace {

TEST(TotalSquaredError, IsWithoutAHalf) {
  const LossFunction<double>& loss = FunctionOf<double>(Loss::kTotalSquaredError);
  const std::vector<double> y = {0.5, 2};
  const std::vector<double> t = {1, 0};
  std::vector<double> gradient(2);
  EXPECT_DOUBLE_EQ(loss.value(y, t), 4.25);
  loss.gradient(y, t, gradient);
  EXPECT_EQ(gradient, (std::vector<double>{-1, 4}));
}

TEST(CrossEntropy, IsMinusTheLogarithmOfTheProbability) {
  const LossFunction<double>& loss = FunctionOf<double>(Loss::kCrossEntropy);
  ASSERT_TRUE(loss.with_softmax);
  const std::vector<double> n = {1, 2, 3};
  const std::vector<double> t = {0, 1, 0};
  const double sum = std::exp(1) + std::exp(2) + std::exp(3);
  EXPECT_NEAR(loss.value(n, t), -std::log(std::exp(2) / sum), 1e-15);
}

TEST(CrossEntropy, NeitherOverflowsNorHidesNan) {
  const LossFunction<float>& loss = FunctionOf<float>(Loss::kCrossEntropy);
  const std::vector<float> t = {0, 1};
  EXPECT_DOUBLE_EQ(loss.value(std::vector<float>{1e30F, 0}, t), 1e30F);
  EXPECT_NEAR(loss.value(std::vector<float>{-1e30F, 0}, t), 0, 1e-300);
  EXPECT_TRUE(std::isnan(loss.value(std::vector<float>{NAN, 0}, t)));
  EXPECT_TRUE(std::isnan(loss.value(std::vector<float>{0, NAN}, t)));
}

}  // namespace
}  // namespace trainyard

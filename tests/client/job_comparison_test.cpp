#include "client/cli/job_comparison.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace trainyard::client {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

ComparedJob Job(const std::string& id, double learning_rate, std::vector<double> costs) {
  ComparedJob one;
  one.job.set_name("users/local/jobs/" + id);
  one.job.mutable_spec()->set_network("users/local/networks/n");
  one.job.mutable_spec()->set_epochs(static_cast<int>(costs.size()));
  one.job.mutable_spec()->set_learning_rate(learning_rate);
  one.job.set_weights_digest("0123456789abcdef");
  for (const double cost : costs) {
    v1::EpochCompleted epoch;
    epoch.set_epoch(static_cast<int>(one.epochs.size()) + 1);
    epoch.set_cost(cost);
    one.epochs.push_back(epoch);
  }
  return one;
}

TEST(JobComparison, OneBitIsADifference) {
  const ComparedJob a = Job("a", 0.1, {3, 2, 1});
  EXPECT_EQ(FirstDifference(a, a), 0);
  EXPECT_EQ(FirstDifference(a, Job("b", 0.1, {3, std::nextafter(2, 3), 1})), 2);
  EXPECT_EQ(FirstDifference(a, Job("b", 0.1, {3, 2})), 3);
  EXPECT_EQ(FirstDifference(Job("b", 0.1, {}), a), 1);
}

TEST(JobComparison, ShowsTheSettingsThatDifferAndNoOthers) {
  const std::string text =
      RenderComparison({}, {Job("slow", 0.125, {3, 2}), Job("fast", 0.5, {3, 1})});
  EXPECT_THAT(text, HasSubstr("slow"));
  EXPECT_THAT(text, HasSubstr("learning rate"));
  EXPECT_THAT(text, HasSubstr("0.125"));
  EXPECT_THAT(text, Not(HasSubstr("networks/n")));
  EXPECT_THAT(text, HasSubstr("slow and fast: costs differ from epoch 2 on\n"));
}

TEST(JobComparison, SaysWhereTwoRunsAreTheSame) {
  const std::string text =
      RenderComparison({}, {Job("one", 0.5, {3, 2, 1}), Job("two", 0.5, {3, 2, 1})});
  EXPECT_THAT(text, HasSubstr("one and two: costs of 3 epochs are equal to the bit, and so are "
                              "the weights\n"));
}

TEST(JobComparison, ALongRunIsShownEvenlyWithItsFirstAndLastEpoch) {
  std::vector<double> costs(1000);
  for (std::size_t i = 0; i < costs.size(); ++i) costs[i] = static_cast<double>(2000 - i);
  const std::string text = RenderComparison({}, {Job("a", 1, costs), Job("b", 1, {5})});
  EXPECT_THAT(text, HasSubstr("cost of epoch 1 "));
  EXPECT_THAT(text, HasSubstr("cost of epoch 1000 "));
  EXPECT_LT(std::count(text.begin(), text.end(), '\n'), 30);
}

}  // namespace
}  // namespace trainyard::client

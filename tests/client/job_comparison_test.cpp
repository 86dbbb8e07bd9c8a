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
  EXPECT_EQ(CompareEpochs(a, a).first_difference, 0);
  EXPECT_EQ(CompareEpochs(a, Job("b", 0.1, {3, std::nextafter(2, 3), 1})).first_difference, 2);
}

TEST(JobComparison, OnlyEpochsThatBothHaveAreCompared) {
  const auto verdict = [](const ComparedJob& a, const ComparedJob& b) {
    const std::string text = RenderComparison({}, {a, b});
    return text.substr(text.rfind("a and b: ") + 9);
  };
  const ComparedJob whole = Job("a", 0.1, {3, 2, 1});
  EXPECT_EQ(verdict(whole, Job("b", 0.1, {3, 2})),
            "costs of the 2 epochs that both have are equal to the bit\n");
  EXPECT_EQ(verdict(whole, Job("b", 0.1, {})), "no epoch is done of both yet\n");
  // A fork of `whole` after its second epoch, which trained the third again.
  ComparedJob fork = Job("b", 0.1, {1});
  fork.epochs[0].set_epoch(3);
  EXPECT_EQ(verdict(whole, fork), "costs of the 1 epoch that both have are equal to the bit\n");
  fork.epochs[0].set_epoch(4);
  EXPECT_EQ(verdict(whole, fork), "no epoch is done of both yet\n");
  ComparedJob running = Job("b", 0.1, {3, 2, 1});
  running.job.clear_weights_digest();
  ComparedJob other = running;
  other.job.set_name("users/local/jobs/a");
  EXPECT_EQ(verdict(other, running), "costs of 3 epochs are equal to the bit\n");
}

TEST(JobComparison, PartsOfASettingAreBelowEachOther) {
  ComparedJob adam = Job("adam", 0.1, {3});
  adam.job.mutable_spec()->mutable_optimizer()->mutable_adam()->set_beta1(0.5);
  ComparedJob sgd = Job("sgd", 0.1, {3});
  sgd.job.mutable_spec()->mutable_optimizer()->mutable_sgd();
  sgd.job.mutable_spec()->set_network("users/local/networks/other");
  sgd.job.mutable_spec()->set_dataset("users/teacher/datasets/d");
  const std::string text = RenderComparison({}, {adam, sgd});
  EXPECT_THAT(text, HasSubstr("\noptimizer "));
  EXPECT_THAT(text, Not(HasSubstr("adam  beta1")));
  EXPECT_THAT(text, HasSubstr("beta1 0.5\n"));
  EXPECT_THAT(text, HasSubstr(" other\n"));
  EXPECT_THAT(text, HasSubstr(" users/teacher/datasets/d\n"));
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

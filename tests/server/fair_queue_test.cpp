#include "server/jobs/fair_queue.h"

#include <gtest/gtest.h>

#include "tests/support/class_evening.h"

namespace trainyard::server {
namespace {

constexpr double kMidnight = 20000 * 86400.0;
constexpr double kNoon = kMidnight + 43200;

QueuedJob JobOf(const std::string& user, const std::string& id, int priority = 0, int threads = 1,
                double seconds = 60) {
  return {user + id, "users/" + user + "/jobs/" + id, priority, threads, seconds};
}

std::string Start(FairQueue& queue, double now) {
  const auto job = queue.StartNext(now);
  return job ? job->uid : "";
}

// Runs and pays for it.
void Pass(FairQueue& queue, const std::string& uid, double seconds, double now) {
  queue.Charge(uid, seconds, std::nullopt, now);
}

std::string Asked(FairQueue& queue, double now) {
  std::string asked;
  for (const Preemption& one : queue.Preempt(now)) {
    asked += one.uid + (one.within_epoch ? "! " : " ");
  }
  return asked;
}

TEST(FairQueueTest, AFirstJobNeverWaitsBehindAnothersHundredth) {
  FairQueue queue({2, 30, {}});
  for (int i = 0; i < 100; ++i) queue.Enqueue(JobOf("a", std::to_string(i)));
  queue.Enqueue(JobOf("b", "0"));
  EXPECT_EQ(Start(queue, kNoon), "a0");
  EXPECT_EQ(Start(queue, kNoon), "b0");
  EXPECT_EQ(Start(queue, kNoon), "");
}

TEST(FairQueueTest, WhoHadLessGoesFirstAndUsageIsForgotten) {
  FairQueue queue({1, 30, {}});
  Usage much;
  much.Charge(1000, kNoon);
  queue.Restore("users/a", much);
  queue.Enqueue(JobOf("a", "0"));
  queue.Enqueue(JobOf("b", "0"));
  EXPECT_NEAR(queue.DecayedOf("users/a", kNoon + Usage::kHalfLife), 500, 1e-6);
  EXPECT_EQ(Start(queue, kNoon), "b0");
}

TEST(FairQueueTest, WithinAUserPriorityAndThenAgeDecide) {
  FairQueue queue({1, 30, {}});
  queue.Enqueue(JobOf("a", "0"));
  queue.Enqueue(JobOf("a", "1", -1));
  queue.Enqueue(JobOf("a", "2"));
  std::string order;
  for (std::string uid = Start(queue, kNoon); !uid.empty(); uid = Start(queue, kNoon)) {
    order += uid + " ";
    queue.Release(uid);
  }
  EXPECT_EQ(order, "a0 a2 a1 ");
}

TEST(FairQueueTest, AJobGivesWayAfterItsQuantumAndKeepsItsPlace) {
  FairQueue queue({1, 30, {}});
  queue.Enqueue(JobOf("a", "0"));
  queue.Enqueue(JobOf("a", "1"));
  EXPECT_EQ(Start(queue, kNoon), "a0");
  queue.Enqueue(JobOf("b", "0"));
  EXPECT_EQ(Asked(queue, kNoon + 29), "");
  EXPECT_EQ(Asked(queue, kNoon + 30), "a0 ");
  EXPECT_EQ(Asked(queue, kNoon + 31), "") << "it has been asked";
  EXPECT_EQ(Asked(queue, kNoon + 60), "a0! ") << "its epoch is long";
  EXPECT_EQ(Asked(queue, kNoon + 90), "");
  queue.Enqueue(JobOf("a", "0"));
  EXPECT_EQ(Start(queue, kNoon + 90), "") << "its worker is still there";
  Pass(queue, "a0", 90, kNoon + 90);
  queue.Release("a0");
  EXPECT_EQ(Start(queue, kNoon + 90), "b0");
  queue.Release("b0");
  EXPECT_EQ(Start(queue, kNoon + 90), "a0");
}

TEST(FairQueueTest, AClockThatIsSetBackHoldsNobodyUp) {
  FairQueue queue({1, 30, {}});
  queue.Enqueue(JobOf("a", "0"));
  EXPECT_EQ(Start(queue, kNoon), "a0");
  queue.Enqueue(JobOf("b", "0"));
  EXPECT_EQ(Asked(queue, kNoon + 20), "");
  const double back = kNoon - 7200;
  EXPECT_EQ(Asked(queue, back), "");
  EXPECT_NEAR(queue.DecayedOf("users/a", back + 5), 25, 1e-6) << "it owes what it has had";
  EXPECT_EQ(Asked(queue, back + 10), "a0 ");
  EXPECT_EQ(Asked(queue, back - 3600), "");
  EXPECT_EQ(Asked(queue, back - 3600 + 30), "a0! ");
}

TEST(FairQueueTest, UsageIsForgottenBeforeAClockThatWasAheadIsThereAgain) {
  Usage usage;
  usage.Charge(100, kNoon + 365 * 86400.0);
  usage.Charge(0, kNoon);
  EXPECT_NEAR(usage.DecayedAt(kNoon + Usage::kHalfLife), 50, 1e-6);
}

TEST(FairQueueTest, NobodyGivesWayToTheirOwnNextJobOrToWhoHadMore) {
  FairQueue queue({1, 30, {}});
  Usage much;
  much.Charge(1000, kNoon);
  queue.Restore("users/b", much);
  queue.Enqueue(JobOf("a", "0"));
  queue.Enqueue(JobOf("a", "1"));
  queue.Enqueue(JobOf("b", "0"));
  EXPECT_EQ(Start(queue, kNoon), "a0");
  EXPECT_EQ(Asked(queue, kNoon + 600), "");
  EXPECT_EQ(Asked(queue, kNoon + 1100), "a0 ") << "by now a has had more than b";
}

TEST(FairQueueTest, EqualsShareTheSlots) {
  FairQueue queue({2, 30, {}});
  Usage usage;
  usage.Charge(60, kNoon);
  queue.Restore("users/b", usage);
  for (const char* id : {"0", "1", "2"}) queue.Enqueue(JobOf("a", id));
  Start(queue, kNoon);
  Start(queue, kNoon);
  queue.Enqueue(JobOf("b", "0"));
  queue.Enqueue(JobOf("b", "1"));
  // Another for b's second job would leave a with nothing.
  const std::string asked = Asked(queue, kNoon + 30);
  EXPECT_EQ(std::count(asked.begin(), asked.end(), ' '), 1) << asked;
}

TEST(FairQueueTest, ALimitOfRunningJobsHoldsTheRest) {
  FairQueue queue({3, 30, [](const std::string&) { return UserLimits{2, 1e9}; }});
  for (const char* id : {"0", "1", "2"}) queue.Enqueue(JobOf("a", id));
  EXPECT_EQ(Start(queue, kNoon), "a0");
  EXPECT_EQ(Start(queue, kNoon), "a1");
  EXPECT_EQ(Start(queue, kNoon), "");
  EXPECT_EQ(queue.PlanAt(kNoon).waiting.at(0).reason, "the limit of 2 running jobs of users/a");
  queue.Release("a0");
  EXPECT_EQ(Start(queue, kNoon), "a2");
}

TEST(FairQueueTest, OutOfCpuSecondsForTodayGoesOnAtMidnight) {
  FairQueue queue({1, 30, [](const std::string&) { return UserLimits{9, 100}; }});
  queue.Enqueue(JobOf("a", "0"));
  EXPECT_EQ(Start(queue, kNoon), "a0");
  EXPECT_EQ(Asked(queue, kNoon + 99), "");
  EXPECT_EQ(Asked(queue, kNoon + 100), "a0 ");
  Pass(queue, "a0", 100, kNoon + 100);
  queue.Enqueue(JobOf("a", "0"));
  queue.Release("a0");
  EXPECT_EQ(Start(queue, kNoon + 100), "");
  const QueuePlan plan = queue.PlanAt(kNoon + 100);
  EXPECT_EQ(plan.waiting.at(0).reason, "out of CPU seconds for today: goes on at 00:00 UTC");
  EXPECT_NEAR(*plan.waiting.at(0).seconds, 43100, 1);
  EXPECT_EQ(Start(queue, kMidnight + 86400), "a0");
}

TEST(FairQueueTest, AnInstructorsPriorityGoesFirstButNotForAllTheTime) {
  FairQueue queue({1, 30, {}});
  queue.Enqueue(JobOf("a", "0"));
  for (int i = 0; i < 20; ++i) queue.Enqueue(JobOf("prof", std::to_string(i), 5));
  double now = kNoon;
  double boosted = 0;
  for (int turn = 0; turn < 20; ++turn) {
    const std::string uid = Start(queue, now);
    if (turn == 0) {
      EXPECT_EQ(uid, "prof0");
    }
    now += 30;
    if (uid != "a0") boosted += 30;
    Pass(queue, uid, 30, now);
    queue.Release(uid);
    if (uid == "a0") queue.Enqueue(JobOf("a", "0"));
  }
  EXPECT_GE(boosted, 300 - 30);
  EXPECT_LE(boosted, 300 + 60);
}

TEST(FairQueueTest, ThreadsCountForUsageAndNotForSlots) {
  FairQueue queue({2, 30, {}});
  queue.Enqueue(JobOf("a", "0", 0, 8));
  EXPECT_EQ(Start(queue, kNoon), "a0");
  EXPECT_NEAR(queue.TodayOf("users/a", kNoon + 10), 20, 1e-6);
  queue.Enqueue(JobOf("a", "1", 0, 8));
  EXPECT_EQ(Start(queue, kNoon), "a1");
}

TEST(FairQueueTest, AJobThatIsRemovedIsNotStarted) {
  FairQueue queue({1, 30, {}});
  queue.Enqueue(JobOf("a", "0"));
  EXPECT_TRUE(queue.Remove("a0"));
  EXPECT_FALSE(queue.Remove("a0"));
  EXPECT_EQ(Start(queue, kNoon), "");
}

TEST(FairQueueTest, APlanSaysWhenAndBehindWhom) {
  FairQueue queue({1, 30, {}});
  queue.Enqueue(JobOf("a", "0", 0, 1, 100));
  EXPECT_EQ(Start(queue, kNoon), "a0");
  queue.Enqueue(JobOf("a", "1", 0, 1, 10));
  queue.Enqueue(JobOf("b", "0", 0, 1, 10));
  queue.Enqueue(JobOf("c", "0", 0, 1, 10));
  const QueuePlan plan = queue.PlanAt(kNoon + 10);
  ASSERT_EQ(plan.waiting.size(), 3u);
  EXPECT_EQ(plan.users, 3);
  EXPECT_NEAR(plan.running.at(0).seconds, 90, 1e-6);
  EXPECT_EQ(plan.waiting[0].job.uid, "b0");
  EXPECT_NEAR(*plan.waiting[0].seconds, 20, 0.1) << "a gives way after its quantum";
  EXPECT_EQ(plan.waiting[0].reason, "1 of 1 slots are busy; it is next");
  EXPECT_EQ(plan.waiting[1].job.uid, "c0");
  EXPECT_NEAR(*plan.waiting[1].seconds, 30, 0.1);
  EXPECT_EQ(plan.waiting[1].reason, "1 of 1 slots are busy; 1 job of 1 user is before it");
  EXPECT_EQ(plan.waiting[2].job.uid, "a1");
  EXPECT_NEAR(*plan.waiting[2].seconds, 110, 0.2);
  EXPECT_EQ(plan.waiting[2].reason, "1 of 1 slots are busy; 2 jobs of 2 users are before it");
  EXPECT_EQ(queue.waiting(), 3) << "looking ahead changes nothing";
}

TEST(UsageTest, ADayEndsAtMidnightUtc) {
  Usage usage;
  usage.Charge(50, kMidnight - 1);
  EXPECT_EQ(usage.TodayAt(kMidnight - 0.5), 50);
  EXPECT_EQ(usage.TodayAt(kMidnight), 0);
  usage.Charge(7, kMidnight + 1);
  EXPECT_EQ(usage.TodayAt(kMidnight + 2), 7);
}

class EveningTest : public testing::TestWithParam<int> {};

TEST_P(EveningTest, IsFairToEverybody) {
  EveningOptions options;
  options.seed = static_cast<std::uint64_t>(GetParam());
  const EveningResult result = Evening(options).Run();
  EXPECT_EQ(result.idle_while_waiting, 0) << "no slot is idle while a job may run";
  EXPECT_GT(result.jain, 0.95) << "those who always want more get the same";
  EXPECT_GT(result.preemptions, 0);
  std::size_t jobs = 0;
  for (std::size_t user = 0; user < result.users.size(); ++user) {
    const EveningUser& one = result.users[user];
    jobs += one.waits.size();
    EXPECT_GE(one.first_wait, 0) << "user " << user << " starves";
    if (one.kind == UserClass::kOthers) {
      EXPECT_LE(one.first_wait, 2 * options.quantum) << "user " << user;
    }
  }
  EXPECT_GT(jobs, 1000u);
}

INSTANTIATE_TEST_SUITE_P(Seeds, EveningTest, testing::Values(1, 2, 3));

}  // namespace
}  // namespace trainyard::server

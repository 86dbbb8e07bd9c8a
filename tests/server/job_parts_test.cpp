// What the job service is made of: transitions of states, slots, kept checkpoints.
#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <set>
#include <vector>

#include "server/jobs/job_log.h"
#include "server/jobs/kept_checkpoints.h"
#include "server/jobs/scheduler.h"
#include "trainyard/store/v1/records.pb.h"

namespace trainyard::server {
namespace {

using Job = v1::TrainingJob;

TEST(TransitionsTest, AreThoseOfTheDiagram) {
  const std::set<std::pair<Job::State, Job::State>> allowed = {
      {Job::STATE_UNSPECIFIED, Job::QUEUED}, {Job::QUEUED, Job::RUNNING},
      {Job::QUEUED, Job::CANCELLED},         {Job::RUNNING, Job::QUEUED},
      {Job::RUNNING, Job::CANCELLING},       {Job::RUNNING, Job::SUCCEEDED},
      {Job::RUNNING, Job::FAILED},           {Job::CANCELLING, Job::CANCELLED},
      {Job::CANCELLING, Job::SUCCEEDED},     {Job::CANCELLING, Job::FAILED},
      {Job::RUNNING, Job::PAUSING},          {Job::PAUSING, Job::PAUSED},
      {Job::PAUSING, Job::SUCCEEDED},        {Job::PAUSING, Job::FAILED},
      {Job::PAUSING, Job::CANCELLING},       {Job::PAUSED, Job::QUEUED},
      {Job::PAUSED, Job::CANCELLED}};
  for (int from = Job::State_MIN; from <= Job::State_MAX; ++from) {
    for (int to = Job::State_MIN; to <= Job::State_MAX; ++to) {
      const auto a = static_cast<Job::State>(from);
      const auto b = static_cast<Job::State>(to);
      EXPECT_EQ(MayGo(a, b), allowed.contains({a, b}))
          << Job::State_Name(a) << " to " << Job::State_Name(b);
    }
  }
}

// Jobs that the scheduler has started, in order.
class Started {
 public:
  bool Add(const QueuedJob& job) {
    {
      const std::lock_guard lock(mutex_);
      uids_.push_back(job.uid);
    }
    changed_.notify_all();
    return job.uid != "refused";
  }
  std::vector<std::string> WaitFor(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::seconds(20), [&] { return uids_.size() >= count; });
    return uids_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> uids_;
};

QueuedJob QueuedAs(const std::string& uid) { return {uid, "users/local/jobs/" + uid}; }

TEST(SchedulerTest, StartsInOrderAndNeverMoreThanItsSlots) {
  Started started;
  Scheduler scheduler(
      {2, 30, {}}, [&](const QueuedJob& job) { return started.Add(job); },
      [](const Preemption&) {});
  for (const char* uid : {"a", "b", "c", "d"}) scheduler.Enqueue(QueuedAs(uid));
  EXPECT_EQ(scheduler.CurrentPlan()->Find("c")->position, 3);
  scheduler.Open();
  EXPECT_EQ(started.WaitFor(2), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(scheduler.CurrentPlan()->Find("c")->position, 1);
  EXPECT_EQ(scheduler.CurrentPlan()->Find("d")->position, 2);
  EXPECT_TRUE(scheduler.Remove("c"));
  EXPECT_FALSE(scheduler.Remove("c"));
  scheduler.Release("a");
  EXPECT_EQ(started.WaitFor(3), (std::vector<std::string>{"a", "b", "d"}));
}

TEST(SchedulerTest, AJobThatDoesNotStartLeavesItsSlot) {
  Started started;
  Scheduler scheduler(
      {1, 30, {}}, [&](const QueuedJob& job) { return started.Add(job); },
      [](const Preemption&) {});
  scheduler.Open();
  scheduler.Enqueue(QueuedAs("refused"));
  scheduler.Enqueue(QueuedAs("next"));
  EXPECT_EQ(started.WaitFor(2), (std::vector<std::string>{"refused", "next"}));
}

// Adds the states of a run one after another and says which are kept, as
// epoch or epoch+sample.
std::string KeptOf(int keep, const std::vector<std::tuple<int, int, double>>& written) {
  store::v1::JobRecord record;
  record.mutable_job()->mutable_spec()->set_keep_checkpoints(keep);
  int number = 0;
  for (const auto& [epoch, sample, cost] : written) {
    worker::v1::Checkpoint checkpoint;
    checkpoint.set_epoch(epoch);
    checkpoint.set_sample(sample);
    checkpoint.set_file(std::to_string(++number));
    record.mutable_job()->mutable_last_epoch()->set_epoch(epoch);
    record.mutable_job()->mutable_last_epoch()->set_cost(cost);
    EXPECT_TRUE(KeepCheckpoint(checkpoint, record));
    EXPECT_FALSE(KeepCheckpoint(checkpoint, record));
  }
  std::string kept;
  for (const auto& one : record.checkpoints()) {
    kept += std::to_string(one.epoch());
    if (one.sample() > 0) kept += "+" + std::to_string(one.sample());
    kept += " ";
  }
  return kept;
}

TEST(KeptCheckpointsTest, AreTheLastTwoAndTheBestUnlessOthersAreAskedFor) {
  EXPECT_EQ(KeptOf(0, {{1, 0, 9}, {2, 0, 3}, {3, 0, 5}, {4, 0, 4}, {5, 0, 6}}), "2 4 5 ");
  EXPECT_EQ(KeptOf(0, {{1, 0, 9}, {2, 0, 8}, {3, 0, 7}}), "2 3 ");
  EXPECT_EQ(KeptOf(-1, {{1, 0, 1}, {2, 0, 2}, {3, 0, 3}, {4, 0, 4}}), "1 2 3 4 ");
  EXPECT_EQ(KeptOf(3, {{1, 0, 1}, {2, 0, 2}, {3, 0, 3}, {4, 0, 4}}), "2 3 4 ");
}

TEST(KeptCheckpointsTest, ThoseWithinAnEpochAreForGoingOnOnly) {
  EXPECT_EQ(KeptOf(0, {{1, 0, 9}, {1, 64, 9}, {1, 128, 9}}), "1 1+64 1+128 ");
  EXPECT_EQ(KeptOf(0, {{1, 64, 9}, {1, 128, 9}, {2, 0, 5}, {3, 0, 4}}), "2 3 ");
  EXPECT_EQ(KeptOf(1, {{1, 0, 9}, {1, 64, 9}, {1, 128, 9}}), "1 1+64 1+128 ");
}

TEST(KeptCheckpointsTest, AReplayReplacesWhatItComesTo) {
  EXPECT_EQ(KeptOf(-1, {{1, 0, 9}, {2, 0, 8}, {2, 64, 8}, {2, 0, 8}}), "1 2 ");
}

}  // namespace
}  // namespace trainyard::server

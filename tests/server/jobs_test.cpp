#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <vector>

#include "core/base/error.h"
#include "core/base/text.h"
#include "server/events/event_hub.h"
#include "server/jobs/job_log.h"
#include "server/jobs/job_service.h"
#include "server/jobs/kept_checkpoints.h"
#include "server/jobs/scheduler.h"
#include "server/workers/worker_pool.h"
#include "tests/support/fake_executor.h"
#include "tests/support/temp_folder.h"
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

// Sends nothing anywhere; remembers.
class FakeLink final : public WorkerLink {
 public:
  bool Send(const worker::v1::ServerMessage& message) override {
    const std::lock_guard lock(mutex_);
    sent_.push_back(message);
    return true;
  }
  std::vector<worker::v1::ServerMessage> sent() {
    const std::lock_guard lock(mutex_);
    return sent_;
  }

 private:
  std::mutex mutex_;
  std::vector<worker::v1::ServerMessage> sent_;
};

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

// A job service over a real store, whose workers are played by the test.
class JobServiceTest : public testing::Test {
 protected:
  explicit JobServiceTest(std::int64_t keep_events = 0, double quantum = 30)
      : keep_events_(keep_events), quantum_(quantum), layout_(folder_.path() / "data") {
    EXPECT_TRUE(layout_.Create().ok());
    store_ = *Store::Open(layout_);
    EXPECT_TRUE(store_->Commit([](Transaction& t) { return AddInputs(t); }).ok());
    Serve();
  }

  // A server from its start.
  void Serve() {
    hub_ = std::make_unique<EventHub>(*store_);
    pool_ = std::make_unique<WorkerPool>(executor_);
    jobs_ = std::make_unique<JobService>(layout_, *store_, *hub_, *pool_,
                                         JobOptions{1, 10, keep_events_, {}, quantum_});
    EXPECT_TRUE(jobs_->Recover().ok());
  }
  ~JobServiceTest() override {
    jobs_->Close();
    executor_.ExitAll("was killed by signal 9");
    pool_->Drain();
  }

  static absl::Status AddInputs(Transaction& transaction) {
    v1::Network network;
    network.mutable_spec()->set_input_count(2);
    network.mutable_spec()->add_layers()->set_units(2);
    ResourceRow row{0,  ResourceKind::kNetwork,     "users/local/networks/n", "n", "users/local", 0,
                    "", network.SerializeAsString()};
    if (auto status = transaction.Insert(row); !status.ok()) return status;
    v1::Dataset dataset;
    dataset.set_name("users/local/datasets/d");
    dataset.set_uid("d");
    dataset.set_state(v1::Dataset::ACTIVE);
    dataset.set_task(v1::CLASSIFICATION);
    dataset.set_row_count(4);
    dataset.set_feature_count(2);
    dataset.set_class_count(2);
    dataset.add_label_histogram(2);
    dataset.add_label_histogram(2);
    ResourceRow data{0,
                     ResourceKind::kDataset,
                     dataset.name(),
                     "d",
                     "users/local",
                     v1::Dataset::ACTIVE,
                     "digest",
                     dataset.SerializeAsString()};
    return transaction.Insert(data);
  }

  static v1::CreateTrainingJobRequest Request(const std::string& id, int epochs = 2) {
    v1::CreateTrainingJobRequest request;
    request.set_parent("users/me");
    request.set_job_id(id);
    request.mutable_job()->mutable_spec()->set_network("users/me/networks/n");
    request.mutable_job()->mutable_spec()->set_dataset("users/me/datasets/d");
    request.mutable_job()->mutable_spec()->set_epochs(epochs);
    request.mutable_job()->mutable_spec()->set_learning_rate(0.1);
    return request;
  }

  Job Get(const std::string& id) {
    v1::GetTrainingJobRequest request;
    request.set_name("users/me/jobs/" + id);
    auto job = jobs_->Get(me_, request);
    EXPECT_TRUE(job.ok()) << job.status();
    return job.value_or(Job());
  }

  // The states and epochs of a job's log, with its gaps shown.
  std::string Log(const std::string& id) {
    v1::ListTrainingEventsRequest request;
    request.set_name("users/me/jobs/" + id);
    auto events = jobs_->ListEvents(me_, request);
    std::string log;
    for (int i = 0; i < events->events_size(); ++i) {
      const auto& event = events->events(i);
      EXPECT_EQ(event.sequence(), i + 1);
      if (event.has_state_change()) log += Job::State_Name(event.state_change().state()) + " ";
      if (event.has_epoch()) log += "epoch" + std::to_string(event.epoch().epoch()) + " ";
      if (event.has_warning()) log += event.warning().reason() + " ";
    }
    return log;
  }

  // Plays a worker that says these messages and then ends its stream.
  absl::Status Play(const std::string& id, int attempt,
                    std::vector<worker::v1::WorkerMessage> messages,
                    std::shared_ptr<FakeLink> link = std::make_shared<FakeLink>()) {
    worker::v1::Hello hello;
    hello.set_name("users/local/jobs/" + id);
    hello.set_attempt(attempt);
    std::size_t next = 0;
    return pool_->Serve(hello, std::move(link), [&](worker::v1::WorkerMessage& message) {
      if (next == messages.size()) return false;
      message = messages[next++];
      return true;
    });
  }

  static worker::v1::WorkerMessage Epoch(int epoch, double cost) {
    worker::v1::WorkerMessage message;
    message.mutable_report()->set_number(epoch);
    auto& completed = *message.mutable_report()->add_facts()->mutable_epoch();
    completed.set_epoch(epoch);
    completed.set_cost(cost);
    completed.set_energy_joules(3);
    completed.set_energy_source(v1::MEASURED);
    return message;
  }

  static worker::v1::WorkerMessage Outcome(worker::v1::TrainingOutcome::Kind kind) {
    worker::v1::WorkerMessage message;
    message.mutable_training_outcome()->set_kind(kind);
    return message;
  }

  const Caller me_{"users/local"};
  const std::int64_t keep_events_;
  const double quantum_;
  TempFolder folder_;
  Layout layout_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<EventHub> hub_;
  FakeExecutor executor_;
  std::unique_ptr<WorkerPool> pool_;
  std::unique_ptr<JobService> jobs_;
};

using Kind = worker::v1::TrainingOutcome;

TEST_F(JobServiceTest, AJobRunsAndItsLogHasEveryStep) {
  ASSERT_TRUE(jobs_->Create(me_, Request("j")).ok());
  ASSERT_TRUE(executor_.WaitForStarts(1));
  EXPECT_TRUE(Play("j", 1, {Epoch(1, 2.0), Epoch(2, 1.0), Outcome(Kind::SUCCEEDED)}).ok());
  EXPECT_EQ(Log("j"), "QUEUED RUNNING epoch1 epoch2 SUCCEEDED ");
  EXPECT_EQ(Get("j").epochs_completed(), 2);
}

TEST_F(JobServiceTest, AReportIsAcknowledgedAfterItIsDurable) {
  ASSERT_TRUE(jobs_->Create(me_, Request("j")).ok());
  ASSERT_TRUE(executor_.WaitForStarts(1));
  auto link = std::make_shared<FakeLink>();
  EXPECT_TRUE(Play("j", 1, {Epoch(1, 2.0)}, link).ok());
  ASSERT_EQ(link->sent().size(), 2u);
  EXPECT_TRUE(link->sent()[0].has_train());
  EXPECT_EQ(link->sent()[1].acknowledged().number(), 1);
  EXPECT_EQ(Get("j").epochs_completed(), 1);
}

TEST_F(JobServiceTest, ALostWorkerIsReplacedAndAReplayedEpochIsTheSameEpoch) {
  ASSERT_TRUE(jobs_->Create(me_, Request("j")).ok());
  ASSERT_TRUE(executor_.WaitForStarts(1));
  EXPECT_TRUE(Play("j", 1, {Epoch(1, 2.0)}).ok());
  executor_.ExitAll("was killed by signal 9");
  ASSERT_TRUE(executor_.WaitForStarts(2));
  EXPECT_TRUE(Play("j", 2, {Epoch(1, 2.0), Epoch(2, 1.0), Outcome(Kind::SUCCEEDED)}).ok());
  EXPECT_EQ(Log("j"), "QUEUED RUNNING epoch1 QUEUED RUNNING epoch2 SUCCEEDED ");
  EXPECT_EQ(Get("j").attempt(), 2);
}

TEST_F(JobServiceTest, EnergyIsAddedUpAndAReplayedEpochsOnce) {
  ASSERT_TRUE(jobs_->Create(me_, Request("j")).ok());
  ASSERT_TRUE(executor_.WaitForStarts(1));
  auto link = std::make_shared<FakeLink>();
  EXPECT_TRUE(Play("j", 1, {Epoch(1, 2.0)}, link).ok());
  EXPECT_EQ(link->sent()[0].train().watts_per_core(), 10);
  EXPECT_EQ(Get("j").energy_joules(), 3);
  EXPECT_EQ(Get("j").energy_source(), v1::MEASURED);
  executor_.ExitAll("was killed by signal 9");
  ASSERT_TRUE(executor_.WaitForStarts(2));
  auto second = Epoch(2, 1.0);
  second.mutable_report()->mutable_facts(0)->mutable_epoch()->set_energy_source(v1::ESTIMATED);
  EXPECT_TRUE(Play("j", 2, {Epoch(1, 2.0), second, Outcome(Kind::SUCCEEDED)}).ok());
  EXPECT_EQ(Get("j").energy_joules(), 6);
  EXPECT_EQ(Get("j").energy_source(), v1::ESTIMATED);
}

TEST_F(JobServiceTest, AReplayedEpochWithAnotherCostIsSaidSo) {
  ASSERT_TRUE(jobs_->Create(me_, Request("j")).ok());
  ASSERT_TRUE(executor_.WaitForStarts(1));
  EXPECT_TRUE(Play("j", 1, {Epoch(1, 2.0)}).ok());
  executor_.ExitAll("was killed by signal 9");
  ASSERT_TRUE(executor_.WaitForStarts(2));
  EXPECT_TRUE(Play("j", 2, {Epoch(1, 2.5)}).ok());
  EXPECT_EQ(Log("j"), "QUEUED RUNNING epoch1 QUEUED RUNNING REPLAY_DIFFERS ");
}

TEST_F(JobServiceTest, AnOldAttemptIsRefused) {
  ASSERT_TRUE(jobs_->Create(me_, Request("j")).ok());
  ASSERT_TRUE(executor_.WaitForStarts(1));
  executor_.ExitAll("was killed by signal 9");
  ASSERT_TRUE(executor_.WaitForStarts(2));
  EXPECT_EQ(Play("j", 1, {Epoch(1, 2.0)}).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(Get("j").epochs_completed(), 0);
}

TEST_F(JobServiceTest, AJobWhoseWorkersAreAllLostFails) {
  ASSERT_TRUE(jobs_->Create(me_, Request("j")).ok());
  for (int attempt = 1; attempt <= 20; ++attempt) {
    ASSERT_TRUE(executor_.WaitForStarts(attempt));
    executor_.ExitAll("was killed by signal 9");
  }
  const Job job = Get("j");
  EXPECT_EQ(job.state(), Job::FAILED);
  EXPECT_NE(job.error().message().find("killed by signal 9"), std::string::npos);
}

TEST_F(JobServiceTest, CancellingReachesTheWorkerBeforeAndAfterItAttaches) {
  ASSERT_TRUE(jobs_->Create(me_, Request("j")).ok());
  ASSERT_TRUE(executor_.WaitForStarts(1));
  v1::CancelTrainingJobRequest cancel;
  cancel.set_name("users/me/jobs/j");
  auto cancelling = jobs_->Cancel(me_, cancel);
  ASSERT_TRUE(cancelling.ok());
  EXPECT_EQ(cancelling->state(), Job::CANCELLING);
  auto link = std::make_shared<FakeLink>();
  EXPECT_TRUE(Play("j", 1, {Outcome(Kind::CANCELLED)}, link).ok());
  ASSERT_EQ(link->sent().size(), 2u);
  EXPECT_TRUE(link->sent()[1].has_cancel());
  EXPECT_EQ(Get("j").state(), Job::CANCELLED);
  EXPECT_EQ(jobs_->Cancel(me_, cancel).status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(JobServiceTest, APausedJobWaitsWithoutASlotAndIsResumed) {
  ASSERT_TRUE(jobs_->Create(me_, Request("j")).ok());
  ASSERT_TRUE(executor_.WaitForStarts(1));
  v1::PauseTrainingJobRequest pause;
  pause.set_name("users/me/jobs/j");
  EXPECT_EQ(jobs_->Pause(me_, pause)->state(), Job::PAUSING);
  auto link = std::make_shared<FakeLink>();
  EXPECT_TRUE(Play("j", 1, {Epoch(1, 2.0), Outcome(Kind::PAUSED)}, link).ok());
  EXPECT_TRUE(link->sent()[1].has_pause());
  EXPECT_EQ(Get("j").state(), Job::PAUSED);
  executor_.ExitAll("exited with code 0");
  // The one slot is free.
  ASSERT_TRUE(jobs_->Create(me_, Request("other")).ok());
  ASSERT_TRUE(executor_.WaitForStarts(2));
  EXPECT_TRUE(Play("other", 1, {Outcome(Kind::SUCCEEDED)}).ok());
  executor_.ExitAll("exited with code 0");
  v1::ResumeTrainingJobRequest resume;
  resume.set_name("users/me/jobs/j");
  EXPECT_EQ(jobs_->Resume(me_, resume)->state(), Job::QUEUED);
  ASSERT_TRUE(executor_.WaitForStarts(3));
  EXPECT_TRUE(Play("j", 2, {Epoch(2, 1.0), Outcome(Kind::SUCCEEDED)}).ok());
  EXPECT_EQ(Log("j"), "QUEUED RUNNING PAUSING epoch1 PAUSED QUEUED RUNNING epoch2 SUCCEEDED ");
}

TEST_F(JobServiceTest, ACancellationAfterAPauseHasTheLastWord) {
  ASSERT_TRUE(jobs_->Create(me_, Request("j")).ok());
  ASSERT_TRUE(executor_.WaitForStarts(1));
  v1::PauseTrainingJobRequest pause;
  pause.set_name("users/me/jobs/j");
  ASSERT_TRUE(jobs_->Pause(me_, pause).ok());
  v1::CancelTrainingJobRequest cancel;
  cancel.set_name("users/me/jobs/j");
  EXPECT_EQ(jobs_->Cancel(me_, cancel)->state(), Job::CANCELLING);
  EXPECT_TRUE(Play("j", 1, {Outcome(Kind::PAUSED)}).ok());
  EXPECT_EQ(Get("j").state(), Job::CANCELLED);
}

TEST_F(JobServiceTest, AWorkerLostWhilePausingLeavesThePause) {
  ASSERT_TRUE(jobs_->Create(me_, Request("j")).ok());
  ASSERT_TRUE(executor_.WaitForStarts(1));
  v1::PauseTrainingJobRequest pause;
  pause.set_name("users/me/jobs/j");
  ASSERT_TRUE(jobs_->Pause(me_, pause).ok());
  executor_.ExitAll("was killed by signal 9");
  EXPECT_EQ(Get("j").state(), Job::PAUSED);
}

// A quantum that is over at once.
class PreemptionTest : public JobServiceTest {
 protected:
  PreemptionTest() : JobServiceTest(0, 0.01) {
    EXPECT_TRUE(store_->Commit([](Transaction& t) { return ShareInputs(t); }).ok());
  }

  // The same network and dataset for another user.
  static absl::Status ShareInputs(Transaction& transaction) {
    for (const auto& [kind, name] : {std::pair(ResourceKind::kNetwork, "/networks/n"),
                                     std::pair(ResourceKind::kDataset, "/datasets/d")}) {
      auto row = transaction.Get(kind, std::string("users/local") + name);
      if (!row.ok()) return row.status();
      row->id = 0;
      row->uid += "2";
      row->name = std::string("users/other") + name;
      row->parent = "users/other";
      if (kind == ResourceKind::kDataset) {
        v1::Dataset dataset;
        dataset.ParseFromString(row->body);
        dataset.set_name(row->name);
        row->body = dataset.SerializeAsString();
      }
      if (auto status = transaction.Insert(*row); !status.ok()) return status;
    }
    return absl::OkStatus();
  }

  // A worker that hears, and says what the test tells it to.
  class Worker {
   public:
    Worker(WorkerPool& pool, const std::string& name, int attempt)
        : thread_([this, &pool, name, attempt] {
            worker::v1::Hello hello;
            hello.set_name(name);
            hello.set_attempt(attempt);
            (void)pool.Serve(hello, link_, [this](auto& message) { return Take(message); });
          }) {}
    ~Worker() {
      {
        const std::lock_guard lock(mutex_);
        ended_ = true;
      }
      changed_.notify_all();
      thread_.join();
    }

    // Waits until the server has said this.
    bool Hears(const std::function<bool(const worker::v1::ServerMessage&)>& what) {
      const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
      while (std::chrono::steady_clock::now() < end) {
        for (const auto& message : link_->sent()) {
          if (what(message)) return true;
        }
        std::this_thread::yield();
      }
      return false;
    }
    bool HearsPause(bool at_epoch_end) {
      return Hears([=](const worker::v1::ServerMessage& message) {
        return message.has_pause() && message.pause().at_epoch_end() == at_epoch_end;
      });
    }
    void Say(worker::v1::WorkerMessage message) {
      {
        const std::lock_guard lock(mutex_);
        messages_.push_back(std::move(message));
      }
      changed_.notify_all();
    }

   private:
    bool Take(worker::v1::WorkerMessage& message) {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return ended_ || !messages_.empty(); });
      if (messages_.empty()) return false;
      message = std::move(messages_.front());
      messages_.erase(messages_.begin());
      return true;
    }

    const std::shared_ptr<FakeLink> link_ = std::make_shared<FakeLink>();
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<worker::v1::WorkerMessage> messages_;
    bool ended_ = false;
    std::thread thread_;
  };

  static worker::v1::WorkerMessage Paused(const std::string& reason) {
    auto message = Outcome(worker::v1::TrainingOutcome::PAUSED);
    message.mutable_training_outcome()->set_reason(reason);
    return message;
  }

  // Starts j, and has another user wait for its slot.
  std::unique_ptr<Worker> Contend() {
    EXPECT_TRUE(jobs_->Create(me_, Request("j")).ok());
    EXPECT_TRUE(executor_.WaitForStarts(1));
    auto worker = std::make_unique<Worker>(*pool_, "users/local/jobs/j", 1);
    EXPECT_TRUE(jobs_->Create(other_, Request("o")).ok());
    return worker;
  }

  std::string LastReason(const std::string& id) {
    v1::ListTrainingEventsRequest request;
    request.set_name("users/me/jobs/" + id);
    auto events = jobs_->ListEvents(me_, request);
    std::string reason;
    for (const auto& event : events->events()) {
      if (event.has_state_change()) reason = event.state_change().reason();
    }
    return reason;
  }

  const Caller other_{"users/other", v1::STUDENT};
};

TEST_F(PreemptionTest, AJobGivesWayToAnotherUsersAndGoesOn) {
  {
    auto worker = Contend();
    ASSERT_TRUE(worker->HearsPause(true));
    ASSERT_TRUE(worker->HearsPause(false)) << "after another quantum it is not waited for";
    worker->Say(Epoch(1, 2.0));
    worker->Say(Paused("preempted for other users' jobs"));
  }
  EXPECT_EQ(Get("j").state(), Job::QUEUED);
  EXPECT_EQ(LastReason("j"), "preempted for other users' jobs");
  EXPECT_GT(Get("j").queue_position(), 0);
  executor_.ExitAll("exited with code 0");
  ASSERT_TRUE(executor_.WaitForStarts(2));
  {
    Worker worker(*pool_, "users/other/jobs/o", 1);
    worker.Say(Outcome(Kind::SUCCEEDED));
  }
  executor_.ExitAll("exited with code 0");
  ASSERT_TRUE(executor_.WaitForStarts(3));
  EXPECT_TRUE(Play("j", 2, {Epoch(2, 1.0), Outcome(Kind::SUCCEEDED)}).ok());
  EXPECT_EQ(Log("j"), "QUEUED RUNNING epoch1 QUEUED RUNNING epoch2 SUCCEEDED ");
}

TEST_F(PreemptionTest, AJobThatEndsFirstHasEnded) {
  auto worker = Contend();
  ASSERT_TRUE(worker->HearsPause(true));
  worker->Say(Outcome(Kind::SUCCEEDED));
  worker.reset();
  EXPECT_EQ(Get("j").state(), Job::SUCCEEDED);
  executor_.ExitAll("exited with code 0");
  EXPECT_TRUE(executor_.WaitForStarts(2));
}

TEST_F(PreemptionTest, ACancellationOrAPauseHasTheLastWord) {
  auto worker = Contend();
  ASSERT_TRUE(worker->HearsPause(true));
  v1::PauseTrainingJobRequest pause;
  pause.set_name("users/me/jobs/j");
  EXPECT_EQ(jobs_->Pause(me_, pause)->state(), Job::PAUSING);
  ASSERT_TRUE(worker->HearsPause(false));
  v1::CancelTrainingJobRequest cancel;
  cancel.set_name("users/me/jobs/j");
  EXPECT_EQ(jobs_->Cancel(me_, cancel)->state(), Job::CANCELLING);
  worker->Say(Paused("preempted for other users' jobs"));
  worker.reset();
  EXPECT_EQ(Get("j").state(), Job::CANCELLED);
}

TEST_F(PreemptionTest, AUsersPauseIsNotUndoneByAPreemption) {
  auto worker = Contend();
  ASSERT_TRUE(worker->HearsPause(true));
  v1::PauseTrainingJobRequest pause;
  pause.set_name("users/me/jobs/j");
  ASSERT_TRUE(jobs_->Pause(me_, pause).ok());
  worker->Say(Paused("preempted for other users' jobs"));
  worker.reset();
  EXPECT_EQ(Get("j").state(), Job::PAUSED);
  EXPECT_EQ(LastReason("j"), "");
}

TEST_F(PreemptionTest, AWorkerThatIsLostMeanwhileIsQueuedAgain) {
  auto worker = Contend();
  ASSERT_TRUE(worker->HearsPause(true));
  worker.reset();
  executor_.ExitAll("was killed by signal 9");
  EXPECT_EQ(Get("j").state(), Job::QUEUED);
  EXPECT_TRUE(executor_.WaitForStarts(2));
}

TEST_F(PreemptionTest, AServerThatIsLostMeanwhilePutsTheJobIntoTheQueue) {
  auto worker = Contend();
  ASSERT_TRUE(worker->HearsPause(true));
  // Nobody hears of the old server any more; its worker holds no lock.
  jobs_->Close();
  const auto hub = std::move(hub_);
  const auto pool = std::move(pool_);
  const auto jobs = std::move(jobs_);
  Serve();
  ASSERT_TRUE(executor_.WaitForStarts(2));
  const auto queue = jobs_->GetQueue(me_, {});
  EXPECT_EQ(queue->running_count(), 1);
  EXPECT_EQ(queue->queued_count(), 1);
  EXPECT_TRUE(Log("j").starts_with("QUEUED RUNNING QUEUED "));
  worker.reset();
}

TEST_F(PreemptionTest, AHigherPriorityOfTheSameUserGoesFirst) {
  ASSERT_TRUE(jobs_->Create(me_, Request("j")).ok());
  ASSERT_TRUE(executor_.WaitForStarts(1));
  Worker worker(*pool_, "users/local/jobs/j", 1);
  auto request = Request("urgent");
  request.mutable_job()->mutable_spec()->set_priority(1);
  ASSERT_TRUE(jobs_->Create(me_, request).ok());
  EXPECT_TRUE(worker.Hears([](const worker::v1::ServerMessage& message) {
    return message.pause().reason() == "preempted for a job of higher priority";
  }));
}

TEST_F(PreemptionTest, APriorityAboveZeroIsForStaff) {
  auto request = Request("urgent");
  request.mutable_job()->mutable_spec()->set_priority(1);
  EXPECT_EQ(jobs_->Create(other_, request).status().code(), absl::StatusCode::kPermissionDenied);
  request.mutable_job()->mutable_spec()->set_priority(11);
  EXPECT_EQ(jobs_->Create(me_, request).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(JobServiceTest, UsageIsChargedOnceAndSurvivesARestart) {
  ASSERT_TRUE(jobs_->Create(me_, Request("j")).ok());
  ASSERT_TRUE(executor_.WaitForStarts(1));
  EXPECT_TRUE(Play("j", 1, {Epoch(1, 2.0), Epoch(1, 2.0), Outcome(Kind::SUCCEEDED)}).ok());
  executor_.ExitAll("exited with code 0");
  const double used = jobs_->UsageOf("users/local");
  EXPECT_GT(used, 0);
  jobs_->Close();
  pool_->Drain();
  jobs_.reset();
  pool_.reset();
  Serve();
  EXPECT_DOUBLE_EQ(jobs_->UsageOf("users/local"), used);
  EXPECT_EQ(jobs_->UsageOf("users/nobody"), 0);
}

TEST_F(JobServiceTest, TheQueueShowsOthersAsCountsAndStaffTheirNames) {
  for (const char* id : {"a", "b"}) ASSERT_TRUE(jobs_->Create(me_, Request(id)).ok());
  ASSERT_TRUE(executor_.WaitForStarts(1));
  const auto student = jobs_->GetQueue({"users/other", v1::STUDENT}, {});
  ASSERT_TRUE(student.ok());
  EXPECT_EQ(student->entries_size(), 0);
  EXPECT_EQ(student->slots(), 1);
  EXPECT_EQ(student->running_count(), 1);
  EXPECT_EQ(student->queued_count(), 1);
  EXPECT_EQ(student->user_count(), 1);
  const auto staff = jobs_->GetQueue({"users/prof", v1::INSTRUCTOR}, {});
  ASSERT_EQ(staff->entries_size(), 2);
  EXPECT_TRUE(staff->entries(0).running());
  EXPECT_EQ(staff->entries(1).job(), "users/local/jobs/b");
  EXPECT_EQ(staff->entries(1).position(), 1);
  EXPECT_EQ(staff->entries(1).reason(), "1 of 1 slots are busy; it is next");
  EXPECT_TRUE(Get("b").has_queue_wait_seconds());
}

TEST_F(JobServiceTest, ARetriedCreateReturnsTheFirstAnswerAndMakesOneJob) {
  auto request = Request("j");
  request.set_request_id("once");
  auto first = jobs_->Create(me_, request);
  auto second = jobs_->Create(me_, request);
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(first->uid(), second->uid());
  request.mutable_job()->mutable_spec()->set_epochs(3);
  EXPECT_EQ(GetErrorDetails(jobs_->Create(me_, request).status()).reason, "REQUEST_ID_REUSED");
}

TEST_F(JobServiceTest, ADryRunMakesNothing) {
  auto request = Request("j");
  request.set_validate_only(true);
  auto answer = jobs_->Create(me_, request);
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->estimate().parameter_count(), 6);
  EXPECT_GT(answer->estimate().memory_bytes(), 0);
  v1::ListTrainingJobsRequest list;
  list.set_parent("users/me");
  EXPECT_EQ(jobs_->List(me_, list)->jobs_size(), 0);
}

TEST_F(JobServiceTest, AnotherUsersJobIsNotThere) {
  ASSERT_TRUE(jobs_->Create(me_, Request("j")).ok());
  v1::GetTrainingJobRequest request;
  request.set_name("users/local/jobs/j");
  EXPECT_EQ(jobs_->Get({"users/other"}, request).status().code(), absl::StatusCode::kNotFound);
}

// Counts how often it is woken.
class CountingListener final : public EventListener {
 public:
  void OnEvents() override { ++woken; }
  void OnProgress(const WireMessage&) override {}
  std::atomic<int> woken = 0;
};

TEST_F(JobServiceTest, AWatcherReadsHistoryAndThenLiveWithNoSeam) {
  ASSERT_TRUE(jobs_->Create(me_, Request("j")).ok());
  ASSERT_TRUE(executor_.WaitForStarts(1));
  auto listener = std::make_shared<CountingListener>();
  std::string uid;
  ASSERT_TRUE(hub_->Subscribe("users/local/jobs/j", 0, listener, uid).ok());
  EXPECT_TRUE(Play("j", 1, {Epoch(1, 2.0), Epoch(2, 1.0), Outcome(Kind::SUCCEEDED)}).ok());
  std::int64_t cursor = 0;
  while (true) {
    auto batch = hub_->Fetch(uid, cursor, 2);
    ASSERT_TRUE(batch.ok());
    for (const auto& event : batch->events) EXPECT_EQ(event.sequence, ++cursor);
    if (batch->ended) break;
    ASSERT_FALSE(batch->events.empty());
  }
  EXPECT_EQ(cursor, 5);
  EXPECT_GE(listener->woken, 3);
  hub_->Unsubscribe(uid, listener);
}

TEST_F(JobServiceTest, ACursorInTheFutureIsOutOfRangeWithWhereItEnds) {
  ASSERT_TRUE(jobs_->Create(me_, Request("j")).ok());
  ASSERT_TRUE(executor_.WaitForStarts(1));
  std::string uid;
  const auto status =
      hub_->Subscribe("users/local/jobs/j", 99, std::make_shared<CountingListener>(), uid);
  EXPECT_EQ(status.code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(GetErrorDetails(status).metadata.at("last_sequence"), "2");
}

TEST_F(JobServiceTest, EventsAnnouncedOutOfOrderAreStillReadInOrder) {
  ASSERT_TRUE(jobs_->Create(me_, Request("j")).ok());
  ASSERT_TRUE(executor_.WaitForStarts(1));
  auto listener = std::make_shared<CountingListener>();
  std::string uid;
  ASSERT_TRUE(hub_->Subscribe("users/local/jobs/j", 0, listener, uid).ok());
  EventRow third{3, "three"};
  EventRow fourth{4, "four"};
  ASSERT_TRUE(store_
                  ->Commit([&](Transaction& t) -> absl::Status {
                    auto done = t.AppendEvent(uid, 0, third);
                    return done.ok() ? t.AppendEvent(uid, 0, fourth) : done;
                  })
                  .ok());
  const EventHub::JobKey job = {"users/local/jobs/j", uid};
  hub_->Published(job, {fourth}, false);
  hub_->Published(job, {third}, false);
  std::int64_t cursor = 0;
  while (cursor < 4) {
    auto batch = hub_->Fetch(uid, cursor, 64);
    ASSERT_TRUE(batch.ok());
    ASSERT_FALSE(batch->events.empty());
    for (const auto& event : batch->events) ASSERT_EQ(event.sequence, ++cursor);
  }
  hub_->Unsubscribe(uid, listener);
}

TEST_F(JobServiceTest, AFeedHasAllJobsInTheOrderOfTheirCommits) {
  auto listener = std::make_shared<CountingListener>();
  const FeedFilter all = {"users/local", {}};
  ASSERT_TRUE(hub_->feed().Subscribe(all, 0, listener).ok());
  ASSERT_TRUE(jobs_->Create(me_, Request("j")).ok());
  ASSERT_TRUE(jobs_->Create(me_, Request("k")).ok());
  ASSERT_TRUE(executor_.WaitForStarts(1));
  ASSERT_TRUE(Play("j", 1, {Epoch(1, 2.0)}).ok());
  // From the tail, and from the store, by one who comes later.
  auto late = std::make_shared<CountingListener>();
  EventHub other(*store_);
  ASSERT_TRUE(other.feed().Subscribe(all, 0, late).ok());
  std::vector<std::string> found;
  for (EventHub* hub : {hub_.get(), &other}) {
    std::string line;
    std::int64_t cursor = 0;
    while (true) {
      auto batch = hub->feed().Fetch(all, cursor, 2);
      ASSERT_TRUE(batch.ok()) << batch.status();
      for (const WireMessage& message : batch->events) {
        v1::WatchTrainingJobsResponse response;
        ASSERT_TRUE(
            response.ParseFromArray(message.bytes.begin(), static_cast<int>(message.bytes.size())));
        EXPECT_EQ(response.cursor(), UserFeed::CursorOf(message.sequence));
        EXPECT_GT(message.sequence, cursor);
        cursor = message.sequence;
        line += StrCat(response.event().job().substr(response.event().job().size() - 1),
                       response.event().event().sequence(), " ");
      }
      if (batch->events.empty() && batch->scanned_to == cursor) break;
      cursor = batch->scanned_to;
    }
    found.push_back(line);
  }
  EXPECT_THAT(found[0], testing::AllOf(testing::HasSubstr("j1 "), testing::HasSubstr("k1 "),
                                       testing::HasSubstr("j3 ")));
  EXPECT_EQ(found[0], found[1]);
  EXPECT_GE(listener->woken, 4);
  hub_->feed().Unsubscribe(listener);
  other.feed().Unsubscribe(late);
}

TEST_F(JobServiceTest, AFeedIsOfOneUserAndOfTheJobsThatAreNamed) {
  ASSERT_TRUE(jobs_->Create(me_, Request("j")).ok());
  auto kept = jobs_->Create(me_, Request("k"));
  ASSERT_TRUE(kept.ok());
  auto listener = std::make_shared<CountingListener>();
  const auto events_of = [&](const FeedFilter& filter) {
    EXPECT_TRUE(hub_->feed().Subscribe(filter, 0, listener).ok());
    return hub_->feed().Fetch(filter, 0, 64)->events.size();
  };
  EXPECT_EQ(events_of({"users/local", {kept->uid()}}), 1);
  EXPECT_EQ(events_of({"users/other", {}}), 0);
  hub_->feed().Unsubscribe(listener);
}

class TrimmedLogTest : public JobServiceTest {
 protected:
  TrimmedLogTest() : JobServiceTest(10) {}
};

TEST_F(TrimmedLogTest, KeepsTheNewestEventsAndSaysWhereTheyBegin) {
  ASSERT_TRUE(jobs_->Create(me_, Request("j", 40)).ok());
  ASSERT_TRUE(executor_.WaitForStarts(1));
  v1::ListTrainingJobsRequest jobs;
  jobs.set_parent("users/me");
  const std::string early = jobs_->List(me_, jobs)->cursor();
  std::vector<worker::v1::WorkerMessage> epochs;
  for (int epoch = 1; epoch <= 30; ++epoch) epochs.push_back(Epoch(epoch, 1.0));
  ASSERT_TRUE(Play("j", 1, epochs).ok());
  const Job job = Get("j");
  EXPECT_EQ(job.last_sequence(), 32);
  EXPECT_GE(job.first_sequence(), 22);
  EXPECT_LE(job.first_sequence(), 23);
  v1::ListTrainingEventsRequest list;
  list.set_name(job.name());
  const auto trimmed = jobs_->ListEvents(me_, list).status();
  EXPECT_EQ(trimmed.code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(GetErrorDetails(trimmed).metadata.at("earliest_sequence"),
            std::to_string(job.first_sequence()));
  list.set_after_sequence(job.first_sequence() - 1);
  const auto events = jobs_->ListEvents(me_, list);
  ASSERT_TRUE(events.ok());
  EXPECT_EQ(events->events(0).sequence(), job.first_sequence());
  auto listener = std::make_shared<CountingListener>();
  std::string uid;
  EXPECT_EQ(hub_->Subscribe(job.name(), 5, listener, uid).code(), absl::StatusCode::kOutOfRange);
  // The stream of all jobs has a gap after an early cursor, and says so.
  const FeedFilter all = {"users/local", {}};
  const auto gap = hub_->feed().Subscribe(all, *UserFeed::IdOf(early), listener);
  EXPECT_EQ(gap.code(), absl::StatusCode::kOutOfRange);
  const auto earliest = UserFeed::IdOf(GetErrorDetails(gap).metadata.at("earliest_cursor"));
  EXPECT_TRUE(hub_->feed().Subscribe(all, *earliest, listener).ok());
  hub_->feed().Unsubscribe(listener);
  // There is nothing to compare with what has been trimmed: no warning.
  executor_.ExitAll("was killed by signal 9");
  ASSERT_TRUE(executor_.WaitForStarts(2));
  EXPECT_TRUE(Play("j", 2, {Epoch(3, 7.0), Epoch(31, 1.0)}).ok());
  EXPECT_EQ(Get("j").last_sequence(), 35);
}

}  // namespace
}  // namespace trainyard::server

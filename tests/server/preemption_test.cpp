// Jobs that take turns on a slot.
#include <gtest/gtest.h>

#include <condition_variable>
#include <functional>
#include <thread>

#include "tests/support/job_service.h"

namespace trainyard::server {
namespace {

using Job = v1::TrainingJob;
using Kind = worker::v1::TrainingOutcome;

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

}  // namespace
}  // namespace trainyard::server

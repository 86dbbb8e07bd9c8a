// A job service over a real store, whose workers are played by the test.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "server/events/event_hub.h"
#include "server/jobs/job_service.h"
#include "server/workers/worker_pool.h"
#include "tests/support/fake_executor.h"
#include "tests/support/temp_folder.h"

namespace trainyard::server {

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
    jobs_->Open();
  }
  ~JobServiceTest() override {
    jobs_->Close();
    executor_.ExitAll("was killed by signal 9");
    EXPECT_TRUE(pool_->Drain());
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

  v1::TrainingJob Get(const std::string& id) {
    v1::GetTrainingJobRequest request;
    request.set_name("users/me/jobs/" + id);
    auto job = jobs_->Get(me_, request);
    EXPECT_TRUE(job.ok()) << job.status();
    return job.value_or(v1::TrainingJob());
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
      if (event.has_state_change())
        log += v1::TrainingJob::State_Name(event.state_change().state()) + " ";
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

}  // namespace trainyard::server

// A worker's process and the server that a test plays for it.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <map>
#include <memory>
#include <numeric>
#include <optional>
#include <set>
#include <sstream>
#include <thread>

#include "core/base/error.h"
#include "core/checkpoint/checkpoint.h"
#include "server/convert/network.h"
#include "server/convert/status.h"
#include "server/exec/local_executor.h"
#include "server/store/layout.h"
#include "server/store/worker_lock.h"
#include "tests/support/temp_dataset.h"
#include "tests/support/temp_folder.h"
#include "tests/support/worker_server.h"

namespace trainyard::server {
using worker::v1::ServerMessage;
using worker::v1::TrainingFact;
using worker::v1::TrainingOutcome;
using worker::v1::WorkerMessage;
using Messages = std::vector<WorkerMessage>;

inline constexpr char kUid[] = "job-uid";
inline constexpr char kDigest[] = "rows";
// As many epochs as a job may have: far more than are trained before the test
// has ended the run.
inline constexpr int kEndless = 1'000'000;
inline constexpr std::int64_t kAll = std::numeric_limits<std::int64_t>::max();

inline std::vector<TrainingFact> FactsOf(const Messages& messages) {
  std::vector<TrainingFact> facts;
  for (const WorkerMessage& message : messages) {
    facts.insert(facts.end(), message.report().facts().begin(), message.report().facts().end());
  }
  return facts;
}

inline std::vector<int> EpochsOf(const Messages& messages) {
  std::vector<int> epochs;
  for (const TrainingFact& fact : FactsOf(messages)) {
    if (fact.has_epoch()) epochs.push_back(fact.epoch().epoch());
  }
  return epochs;
}

inline bool HasOutcome(const Messages& messages) {
  return !messages.empty() &&
         (messages.back().has_training_outcome() || messages.back().has_ingest_outcome() ||
          messages.back().has_evaluation_outcome());
}

inline std::string ReasonOf(const google::rpc::Status& status) {
  return GetErrorDetails(FromRpcStatus(status)).reason;
}

// The worker's own binary, in a process of its own, against a server that the
// test plays.
class WorkerTest : public ::testing::Test {
 protected:
  WorkerTest() : layout_(folder_.path()), executor_(TRAINYARD_WORKER_BINARY, folder_.path()) {
    EXPECT_TRUE(layout_.Create().ok());
    std::filesystem::create_directories(layout_.Checkpoints(kUid));
    executor_.SetExitHandler([this](WorkerId, const std::string& how) {
      const std::lock_guard lock(mutex_);
      end_ = how;
      changed_.notify_all();
    });
  }

  void StartServer(const ServerMessage& task) {
    server_.reset();
    server_ = std::make_unique<WorkerServer>(layout_.WorkerSocket(), task);
  }

  void StartWorker(int attempt = 1) {
    {
      const std::lock_guard lock(mutex_);
      end_.reset();
    }
    auto id = executor_.Start({"users/local/jobs/j", attempt, Log()});
    ASSERT_TRUE(id.ok()) << id.status();
    worker_ = *id;
  }

  bool Ended() {
    const std::lock_guard lock(mutex_);
    return end_.has_value();
  }

  // How the worker ended.
  std::string End() {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::seconds(60), [&] { return end_.has_value(); });
    return end_.value_or("still there");
  }

  // Everything that a worker says about a task, from start to end.
  Messages Run(const ServerMessage& task, int attempt = 1) {
    StartServer(task);
    StartWorker(attempt);
    EXPECT_EQ(End(), "exited with code 0") << LogText();
    return server_->received();
  }

  std::filesystem::path Log() const { return folder_.path() / "log"; }

  std::string LogText() const {
    std::ostringstream text;
    text << std::ifstream(Log()).rdbuf();
    return text.str();
  }

  // Four rows of two features, of two classes.
  void StoreRows() const {
    const auto rows = layout_.Dataset(kDigest);
    std::filesystem::create_directories(rows);
    trainyard::testing::WriteNpy<float>(rows / "features.npy", "<f4", {4, 2},
                                        {0, 0, 0, 1, 1, 0, 1, 1});
    trainyard::testing::WriteNpy<std::int32_t>(rows / "targets.npy", "<i4", {4}, {0, 1, 1, 0});
  }

  // So many rows of two features, of one class; files with holes.
  void StoreZeros(std::int64_t count) const {
    const auto rows = layout_.Dataset(kDigest);
    std::filesystem::create_directories(rows);
    trainyard::testing::WriteNpy<std::uint8_t>(rows / "features.npy", "|u1", {count, 2}, {});
    trainyard::testing::WriteNpy<std::int32_t>(rows / "targets.npy", "<i4", {count}, {});
    for (const auto& [name, size] : {std::pair{"features.npy", 2}, std::pair{"targets.npy", 4}}) {
      const auto header = std::filesystem::file_size(rows / name);
      std::filesystem::resize_file(rows / name, header + static_cast<std::uintmax_t>(size * count));
    }
  }

  static v1::NetworkSpec Network() {
    v1::NetworkSpec network;
    network.set_input_count(2);
    network.add_layers()->set_units(3);
    network.add_layers()->set_units(2);
    network.set_seed(5);
    return network;
  }

  static NetworkSpec CoreNetwork() { return *ToCore(Network()); }

  ServerMessage TrainTask(int epochs) const {
    StoreRows();
    ServerMessage message;
    worker::v1::TrainTask& task = *message.mutable_train();
    task.set_uid(kUid);
    *task.mutable_network() = Network();
    task.mutable_dataset()->set_digest(kDigest);
    task.mutable_spec()->set_epochs(epochs);
    task.mutable_spec()->set_learning_rate(0.5);
    return message;
  }

  ServerMessage IngestTask(const std::string& csv) const {
    ServerMessage message;
    worker::v1::IngestTask& task = *message.mutable_ingest();
    task.set_uid("data-uid");
    task.mutable_dataset()->mutable_upload();
    std::filesystem::create_directories(layout_.Staging("data-uid"));
    std::ofstream(layout_.UploadData("data-uid")) << csv;
    task.set_data_path(layout_.Relative(layout_.UploadData("data-uid")));
    task.set_staging_path(layout_.Relative(layout_.Staging("data-uid")));
    return message;
  }

  std::filesystem::path CheckpointPath(const worker::v1::Checkpoint& checkpoint) const {
    return layout_.Checkpoints(kUid) / checkpoint.file();
  }

  worker::v1::Model ModelOf(const worker::v1::Checkpoint& checkpoint) const {
    worker::v1::Model model;
    *model.mutable_network() = Network();
    model.set_checkpoint_path(layout_.Relative(CheckpointPath(checkpoint)));
    model.set_classification(true);
    return model;
  }

  // Weights after some epochs.
  worker::v1::Checkpoint Trained(int epochs) {
    return FactsOf(Run(TrainTask(epochs))).back().checkpoint();
  }

  TempFolder folder_;
  const Layout layout_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<std::string> end_;  // guarded by mutex_
  WorkerId worker_ = 0;
  std::unique_ptr<WorkerServer> server_;
  LocalExecutor executor_;
};

}  // namespace trainyard::server

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
namespace {

using worker::v1::ServerMessage;
using worker::v1::TrainingFact;
using worker::v1::TrainingOutcome;
using worker::v1::WorkerMessage;
using Messages = std::vector<WorkerMessage>;

constexpr char kUid[] = "job-uid";
constexpr char kDigest[] = "rows";
// As many epochs as a job may have: far more than are trained before the test
// has ended the run.
constexpr int kEndless = 1'000'000;
constexpr std::int64_t kAll = std::numeric_limits<std::int64_t>::max();

std::vector<TrainingFact> FactsOf(const Messages& messages) {
  std::vector<TrainingFact> facts;
  for (const WorkerMessage& message : messages) {
    facts.insert(facts.end(), message.report().facts().begin(), message.report().facts().end());
  }
  return facts;
}

std::vector<int> EpochsOf(const Messages& messages) {
  std::vector<int> epochs;
  for (const TrainingFact& fact : FactsOf(messages)) {
    if (fact.has_epoch()) epochs.push_back(fact.epoch().epoch());
  }
  return epochs;
}

bool HasOutcome(const Messages& messages) {
  return !messages.empty() &&
         (messages.back().has_training_outcome() || messages.back().has_ingest_outcome() ||
          messages.back().has_evaluation_outcome());
}

std::string ReasonOf(const google::rpc::Status& status) {
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

TEST_F(WorkerTest, SaysHelloFirst) {
  const Messages messages = Run(TrainTask(0), 7);
  ASSERT_FALSE(messages.empty());
  ASSERT_TRUE(messages.front().has_hello());
  EXPECT_EQ(messages.front().hello().name(), "users/local/jobs/j");
  EXPECT_EQ(messages.front().hello().attempt(), 7);
  EXPECT_GT(messages.front().hello().pid(), 1);
}

TEST_F(WorkerTest, TrainingTellsItsStartEachEpochAndTheWeightsInThatOrder) {
  const Messages messages = Run(TrainTask(3));
  const auto facts = FactsOf(messages);
  ASSERT_EQ(facts.size(), 5u);
  EXPECT_FALSE(facts[0].started().kernel_variant().empty());
  EXPECT_EQ(EpochsOf(messages), (std::vector<int>{1, 2, 3}));
  ASSERT_TRUE(facts[4].has_checkpoint());
  EXPECT_EQ(facts[4].checkpoint().epoch(), 3);
  const TrainingOutcome& outcome = messages.back().training_outcome();
  EXPECT_EQ(outcome.kind(), TrainingOutcome::SUCCEEDED);
  EXPECT_EQ(outcome.weights_digest(), facts[4].checkpoint().weights_digest());
}

TEST_F(WorkerTest, ReportsAreCountedFromOne) {
  std::int64_t number = 0;
  for (const WorkerMessage& message : Run(TrainTask(500))) {
    if (!message.has_report()) continue;
    EXPECT_EQ(message.report().number(), ++number);
  }
  EXPECT_GT(number, 0);
}

TEST_F(WorkerTest, TheWeightsOfARunAreOnDisk) {
  const worker::v1::Checkpoint fact = Trained(3);
  const auto checkpoint = ReadCheckpoint(CheckpointPath(fact), CoreNetwork());
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  const auto& state = std::get<TrainingState<float>>(checkpoint->state);
  EXPECT_EQ(state.epochs_completed, 3);
  EXPECT_EQ(checkpoint->header.attempt, 1);
  EXPECT_EQ(checkpoint->header.dataset_digest, kDigest);
  EXPECT_EQ(DigestOf(state.parameters), fact.weights_digest());
  EXPECT_EQ(static_cast<std::int64_t>(std::filesystem::file_size(CheckpointPath(fact))),
            fact.size_bytes());
}

TEST_F(WorkerTest, NoEpochsLeaveTheDrawnWeights) {
  EXPECT_EQ(Trained(0).weights_digest(), DigestOf(DrawParameters<float>(CoreNetwork())));
}

TEST_F(WorkerTest, DoublePrecisionIsTheJobsChoice) {
  ServerMessage task = TrainTask(0);
  task.mutable_train()->mutable_spec()->set_precision(v1::F64);
  EXPECT_EQ(Run(task).back().training_outcome().weights_digest(),
            DigestOf(DrawParameters<double>(CoreNetwork())));
}

TEST_F(WorkerTest, AResumedRunEndsWithTheSameWeights) {
  const std::string undisturbed = Trained(6).weights_digest();
  ServerMessage task = TrainTask(6);
  task.mutable_train()->add_resume_paths(ModelOf(Trained(2)).checkpoint_path());
  const Messages messages = Run(task, 2);
  EXPECT_EQ(EpochsOf(messages), (std::vector<int>{3, 4, 5, 6}));
  EXPECT_EQ(messages.back().training_outcome().weights_digest(), undisturbed);
}

TEST_F(WorkerTest, ADamagedStateIsSaidAndTheOneBeforeGoesOn) {
  const std::string undisturbed = Trained(6).weights_digest();
  const auto older = Trained(1);
  const auto newer = Trained(2);
  std::filesystem::resize_file(CheckpointPath(newer), 100);
  ServerMessage task = TrainTask(6);
  task.mutable_train()->add_resume_paths(ModelOf(newer).checkpoint_path());
  task.mutable_train()->add_resume_paths(ModelOf(older).checkpoint_path());
  Messages messages = Run(task, 2);
  EXPECT_EQ(FactsOf(messages)[1].warning().reason(), "CHECKPOINT_DAMAGED");
  EXPECT_EQ(EpochsOf(messages), (std::vector<int>{2, 3, 4, 5, 6}));
  EXPECT_EQ(messages.back().training_outcome().weights_digest(), undisturbed);
  // Where none is whole a run begins again, to the same bytes.
  std::filesystem::remove(CheckpointPath(older));
  messages = Run(task, 3);
  EXPECT_EQ(EpochsOf(messages), (std::vector<int>{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(messages.back().training_outcome().weights_digest(), undisturbed);
}

// What is there is not written again, but where that drops a newer one that is damaged.
TEST_F(WorkerTest, AStateIsWrittenAgainOnlyInPlaceOfADamagedOne) {
  const auto older = Trained(1);
  const auto newer = Trained(2);
  const auto written = [](const Messages& messages) {
    return std::ranges::count_if(FactsOf(messages), &TrainingFact::has_checkpoint);
  };
  ServerMessage task = TrainTask(1);
  task.mutable_train()->add_resume_paths(ModelOf(older).checkpoint_path());
  Messages messages = Run(task, 2);
  EXPECT_EQ(written(messages), 0);
  EXPECT_EQ(messages.back().training_outcome().weights_digest(), older.weights_digest());
  std::filesystem::resize_file(CheckpointPath(newer), 100);
  task.mutable_train()->set_resume_paths(0, ModelOf(newer).checkpoint_path());
  task.mutable_train()->add_resume_paths(ModelOf(older).checkpoint_path());
  messages = Run(task, 3);
  EXPECT_EQ(written(messages), 1);
  EXPECT_EQ(messages.back().training_outcome().weights_digest(), older.weights_digest());
}

TEST_F(WorkerTest, AForkWithoutItsStateFails) {
  ServerMessage task = TrainTask(6);
  task.mutable_train()->set_forked(true);
  task.mutable_train()->add_resume_paths("jobs/job-uid/checkpoints/missing.safetensors");
  const TrainingOutcome outcome = Run(task).back().training_outcome();
  EXPECT_EQ(outcome.kind(), TrainingOutcome::FAILED);
  EXPECT_NE(outcome.error().code(), 0);
}

TEST_F(WorkerTest, APausedRunGoesOnToTheSameWeights) {
  StartServer(TrainTask(kEndless));
  StartWorker();
  ASSERT_TRUE(server_->WaitFor([](const Messages& seen) { return EpochsOf(seen).size() > 3; }));
  ServerMessage pause;
  pause.mutable_pause();
  server_->Send(pause);
  EXPECT_EQ(End(), "exited with code 0") << LogText();
  const Messages messages = server_->received();
  EXPECT_EQ(messages.back().training_outcome().kind(), TrainingOutcome::PAUSED);
  const worker::v1::Checkpoint last = FactsOf(messages).back().checkpoint();
  EXPECT_EQ(last.epoch(), EpochsOf(messages).back());
  ServerMessage task = TrainTask(last.epoch() + 2);
  const std::string undisturbed = Run(task).back().training_outcome().weights_digest();
  task.mutable_train()->add_resume_paths(ModelOf(last).checkpoint_path());
  EXPECT_EQ(Run(task, 2).back().training_outcome().weights_digest(), undisturbed);
}

TEST_F(WorkerTest, ADivergedRunFailsAndKeepsNoWeights) {
  ServerMessage task = TrainTask(100);
  worker::v1::TrainTask& train = *task.mutable_train();
  for (auto& layer : *train.mutable_network()->mutable_layers()) layer.set_activation(v1::LINEAR);
  train.mutable_spec()->set_learning_rate(1e30);
  const Messages messages = Run(task);
  const TrainingOutcome& outcome = messages.back().training_outcome();
  EXPECT_EQ(outcome.kind(), TrainingOutcome::FAILED);
  EXPECT_EQ(ReasonOf(outcome.error()), "DIVERGED");
  for (const TrainingFact& fact : FactsOf(messages)) EXPECT_FALSE(fact.has_checkpoint());
  EXPECT_TRUE(std::filesystem::is_empty(layout_.Checkpoints(kUid)));
}

TEST_F(WorkerTest, ACancelledRunKeepsTheWeightsOfItsLastEpoch) {
  StartServer(TrainTask(kEndless));
  StartWorker();
  ASSERT_TRUE(server_->WaitFor([](const Messages& seen) { return EpochsOf(seen).size() > 3; }));
  ServerMessage cancel;
  cancel.mutable_cancel();
  server_->Send(cancel);
  EXPECT_EQ(End(), "exited with code 0") << LogText();
  const Messages messages = server_->received();
  EXPECT_EQ(messages.back().training_outcome().kind(), TrainingOutcome::CANCELLED);
  const TrainingFact last = FactsOf(messages).back();
  ASSERT_TRUE(last.has_checkpoint());
  EXPECT_EQ(last.checkpoint().epoch(), EpochsOf(messages).back());
  EXPECT_EQ(messages.back().training_outcome().weights_digest(),
            last.checkpoint().weights_digest());
}

TEST_F(WorkerTest, TheOutcomeWaitsUntilAllIsAcknowledged) {
  StartServer(TrainTask(0));
  server_->AcknowledgeUpTo(0);
  StartWorker();
  ASSERT_TRUE(server_->WaitFor([](const Messages& seen) { return FactsOf(seen).size() == 2; }));
  EXPECT_FALSE(server_->WaitFor(HasOutcome, std::chrono::milliseconds(200)));
  server_->AcknowledgeUpTo(kAll);
  EXPECT_TRUE(server_->WaitFor(HasOutcome));
  EXPECT_EQ(End(), "exited with code 0");
}

TEST_F(WorkerTest, AGoodUploadIsDescribed) {
  const Messages messages = Run(IngestTask("1,10,20\n0,30,40\n1,50,60\n"));
  const worker::v1::IngestOutcome& outcome = messages.back().ingest_outcome();
  ASSERT_FALSE(outcome.has_error()) << outcome.error().message();
  EXPECT_EQ(outcome.dataset().row_count(), 3);
  EXPECT_EQ(outcome.dataset().feature_count(), 2);
  EXPECT_EQ(outcome.dataset().class_count(), 2);
  EXPECT_EQ(outcome.dataset().digest().size(), 64u);
  const auto rows = Dataset::Open(layout_.Staging("data-uid"));
  ASSERT_TRUE(rows.ok()) << rows.status();
  EXPECT_EQ(rows->rows(), 3);
}

TEST_F(WorkerTest, ABadUploadIsAnErrorThatNamesTheLine) {
  const Messages messages = Run(IngestTask("1,10,20\n0,thirty,40\n"));
  const auto error = FromRpcStatus(messages.back().ingest_outcome().error());
  EXPECT_EQ(error.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(GetErrorDetails(error).metadata.at("line"), "2");
}

TEST_F(WorkerTest, AnEvaluationCountsEveryRow) {
  ServerMessage task;
  *task.mutable_evaluate()->mutable_model() = ModelOf(Trained(3));
  task.mutable_evaluate()->mutable_dataset()->set_digest(kDigest);
  const Messages messages = Run(task);
  const worker::v1::EvaluationOutcome& outcome = messages.back().evaluation_outcome();
  ASSERT_FALSE(outcome.has_error()) << outcome.error().message();
  EXPECT_EQ(outcome.evaluation().row_count(), 4);
  std::int64_t counted = 0;
  for (const auto count : outcome.evaluation().confusion_matrix().counts()) counted += count;
  EXPECT_EQ(counted, 4);
  EXPECT_EQ(outcome.misclassified_size(), outcome.evaluation().misclassified_count());
}

TEST_F(WorkerTest, AnEvaluationOfWeightsThatAreGoneIsAnError) {
  ServerMessage task;
  *task.mutable_evaluate()->mutable_model() = ModelOf({});
  task.mutable_evaluate()->mutable_model()->set_checkpoint_path("jobs/job-uid/checkpoints/gone");
  task.mutable_evaluate()->mutable_dataset()->set_digest(kDigest);
  EXPECT_TRUE(Run(task).back().evaluation_outcome().has_error());
}

TEST_F(WorkerTest, AServingWorkerAnswersEachPredictionUntilTheServerGoes) {
  const worker::v1::Model model = ModelOf(Trained(3));
  ServerMessage serve;
  serve.mutable_serve();
  StartServer(serve);
  StartWorker();
  ASSERT_TRUE(server_->WaitFor([](const Messages& seen) { return !seen.empty(); }));
  ServerMessage stored;
  stored.mutable_predict()->set_id(11);
  *stored.mutable_predict()->mutable_model() = model;
  stored.mutable_predict()->mutable_dataset()->set_digest(kDigest);
  stored.mutable_predict()->add_rows(2);
  server_->Send(stored);
  ServerMessage given;
  given.mutable_predict()->set_id(12);
  *given.mutable_predict()->mutable_model() = model;
  v1::InputRow& row = *given.mutable_predict()->add_inputs();
  row.add_features(1);
  row.add_features(0);
  server_->Send(given);
  ServerMessage missing = given;
  missing.mutable_predict()->set_id(13);
  missing.mutable_predict()->mutable_model()->set_checkpoint_path("gone");
  server_->Send(missing);
  ASSERT_TRUE(server_->WaitFor([](const Messages& seen) { return seen.size() == 4; }));
  const Messages messages = server_->received();
  const auto& first = messages[1].predict_outcome();
  const auto& second = messages[2].predict_outcome();
  EXPECT_EQ(first.id(), 11);
  EXPECT_EQ(first.response().predictions(0).label(), 1);
  EXPECT_EQ(second.id(), 12);
  EXPECT_FALSE(second.response().predictions(0).has_label());
  // Row 2 of the dataset is (1, 0): the same row either way.
  ASSERT_EQ(second.response().predictions(0).outputs_size(), 2);
  EXPECT_EQ(first.response().predictions(0).outputs(0),
            second.response().predictions(0).outputs(0));
  EXPECT_TRUE(messages[3].predict_outcome().has_error());
  server_->Vanish();
  EXPECT_EQ(End(), "exited with code 1");
}

TEST_F(WorkerTest, OneThatIsRefusedSaysWhyAndEnds) {
  StartServer(TrainTask(1));
  server_->Refuse({grpc::StatusCode::FAILED_PRECONDITION, "not the current one"});
  StartWorker(3);
  EXPECT_EQ(End(), "exited with code 1");
  EXPECT_NE(LogText().find("not the current one"), std::string::npos) << LogText();
}

TEST_F(WorkerTest, OneWithoutAServerEnds) {
  StartWorker();
  EXPECT_EQ(End(), "exited with code 1");
  EXPECT_FALSE(LogText().empty());
}

// The epochs that the first server knew to be durable, and all after them: none
// is lost, and the second server hears nothing that the first has acknowledged.
TEST_F(WorkerTest, ATrainingThatLosesItsServerGoesOnAndTellsTheNext) {
  // More than it can do while the server is still there.
  constexpr int kEpochs = 20'000;
  StartServer(TrainTask(kEpochs));
  StartWorker();
  ASSERT_TRUE(server_->WaitFor([](const Messages& seen) { return EpochsOf(seen).size() > 3; }));
  server_->Vanish();
  std::vector<int> epochs;
  std::int64_t last = 0;
  for (const WorkerMessage& message : server_->received()) {
    if (!message.has_report()) continue;
    last = message.report().number();
    for (const int epoch : EpochsOf({message})) epochs.push_back(epoch);
  }
  server_.reset();
  server_ = std::make_unique<WorkerServer>(layout_.WorkerSocket(), ServerMessage(), last);
  ASSERT_TRUE(server_->WaitFor(HasOutcome)) << LogText();
  EXPECT_EQ(End(), "exited with code 0") << LogText();
  const Messages messages = server_->received();
  EXPECT_TRUE(messages.front().hello().again());
  for (const int epoch : EpochsOf(messages)) epochs.push_back(epoch);
  std::vector<int> all(kEpochs);
  std::iota(all.begin(), all.end(), 1);
  EXPECT_EQ(epochs, all);
  EXPECT_EQ(messages.back().training_outcome().kind(), TrainingOutcome::SUCCEEDED);
}

TEST_F(WorkerTest, WhatWasNotAcknowledgedIsSaidAgain) {
  StartServer(TrainTask(kEndless));
  server_->AcknowledgeUpTo(1);
  StartWorker();
  std::vector<int> unacknowledged;
  ASSERT_TRUE(server_->WaitFor([&](const Messages& seen) {
    for (const WorkerMessage& message : seen) {
      if (message.report().number() == 2) unacknowledged = EpochsOf({message});
    }
    return !unacknowledged.empty();
  }));
  server_.reset();
  server_ = std::make_unique<WorkerServer>(layout_.WorkerSocket(), ServerMessage());
  ASSERT_TRUE(server_->WaitFor([](const Messages& seen) { return !EpochsOf(seen).empty(); }));
  EXPECT_EQ(EpochsOf(server_->received()).front(), unacknowledged.front());
}

// A server that starts looks once for workers that outlived another; one that had not
// begun by then would be looked for by nobody.
TEST_F(WorkerTest, ATrainingWhoseBeginningWasNotAcknowledgedEndsWithItsServer) {
  StartServer(TrainTask(kEndless));
  server_->AcknowledgeUpTo(0);
  StartWorker();
  ASSERT_TRUE(server_->WaitFor([](const Messages& seen) { return !FactsOf(seen).empty(); }));
  server_->Vanish();
  EXPECT_EQ(End(), "exited with code 1") << LogText();
}

TEST_F(WorkerTest, ATrainingHoldsItsJobsLockUntilItsOutcomeIsKnown) {
  StartServer(TrainTask(1));
  server_->Hesitate();
  StartWorker();
  ASSERT_TRUE(server_->WaitForAllSaid());
  EXPECT_TRUE(HasOutcome(server_->received()));
  EXPECT_EQ(HolderOf(layout_, kUid), server_->received().front().hello().pid());
  server_->Agree();
  EXPECT_EQ(End(), "exited with code 0") << LogText();
}

// A run that is cancelled while it waits for a predecessor that does not end says so.
TEST_F(WorkerTest, ATrainingThatWaitsForItsJobsLockIsCancelled) {
  const auto held = WorkerLock::Acquire(layout_, kUid);
  ASSERT_TRUE(held.ok()) << held.status();
  StartServer(TrainTask(1));
  StartWorker();
  ASSERT_TRUE(server_->WaitFor([](const Messages& seen) { return !seen.empty(); }));
  ServerMessage cancel;
  cancel.mutable_cancel();
  server_->Send(cancel);
  EXPECT_EQ(End(), "exited with code 0") << LogText();
  EXPECT_EQ(server_->received().back().training_outcome().kind(), TrainingOutcome::CANCELLED);
}

TEST_F(WorkerTest, ATrainingThatIsNoLongerWantedEnds) {
  StartServer(TrainTask(kEndless));
  StartWorker();
  ASSERT_TRUE(server_->WaitFor([](const Messages& seen) { return EpochsOf(seen).size() > 3; }));
  server_.reset();
  server_ = std::make_unique<WorkerServer>(
      layout_.WorkerSocket(), ServerMessage(), 0,
      grpc::Status(grpc::StatusCode::FAILED_PRECONDITION, "not the current one"));
  EXPECT_EQ(End(), "exited with code 1");
}

TEST_F(WorkerTest, ATrainingWhoseDirectoryIsGoneEnds) {
  StartServer(TrainTask(kEndless));
  StartWorker();
  ASSERT_TRUE(server_->WaitFor([](const Messages& seen) { return EpochsOf(seen).size() > 3; }));
  std::filesystem::remove_all(layout_.WorkerSocket().parent_path());
  server_->Vanish();
  EXPECT_EQ(End(), "exited with code 1");
}

TEST_F(WorkerTest, ATrainingHoldsItsJobsLock) {
  StartServer(TrainTask(kEndless));
  StartWorker();
  ASSERT_TRUE(server_->WaitFor([](const Messages& seen) { return EpochsOf(seen).size() > 3; }));
  EXPECT_EQ(HolderOf(layout_, kUid), server_->received().front().hello().pid());
  executor_.Kill(worker_);
  EXPECT_EQ(End(), "was killed by signal 9");
  EXPECT_EQ(HolderOf(layout_, kUid), std::nullopt);
}

// It would go on for minutes, in a staging folder that is about to be another
// worker's.
TEST_F(WorkerTest, AnIngestThatLosesItsServerEndsWithoutADataset) {
  ServerMessage task = IngestTask("");
  v1::Dataset& dataset = *task.mutable_ingest()->mutable_dataset();
  dataset.mutable_generator()->set_kind(v1::GeneratorSource::DIGITS);
  dataset.mutable_generator()->set_row_count(1'000'000);
  StartServer(task);
  StartWorker();
  const auto begun = layout_.Staging("data-uid") / "features.npy";
  while (!std::filesystem::exists(begun) && !Ended()) std::this_thread::yield();
  server_->Vanish();
  EXPECT_EQ(End(), "exited with code 1") << LogText();
  EXPECT_FALSE(Dataset::Open(layout_.Staging("data-uid")).ok());
}

// It would take hours.
TEST_F(WorkerTest, AnEvaluationThatLosesItsServerEnds) {
  StoreZeros(100'000'000);
  v1::NetworkSpec network = Network();
  network.mutable_layers(0)->set_units(4096);
  const auto core = *ToCore(network);
  const auto weights = WriteCheckpoint(layout_.Checkpoints(kUid), CheckpointHeader{},
                                       TrainingState<float>(Parameters<float>(core)));
  ASSERT_TRUE(weights.ok()) << weights.status();
  ServerMessage task;
  worker::v1::EvaluateTask& evaluate = *task.mutable_evaluate();
  *evaluate.mutable_model()->mutable_network() = network;
  evaluate.mutable_model()->set_checkpoint_path(
      layout_.Relative(layout_.Checkpoints(kUid) / weights->file_name));
  evaluate.mutable_dataset()->set_digest(kDigest);
  StartServer(task);
  StartWorker();
  ASSERT_TRUE(server_->WaitFor([](const Messages& seen) { return !seen.empty(); }));
  server_->Vanish();
  EXPECT_EQ(End(), "exited with code 1") << LogText();
}

TEST_F(WorkerTest, OneThatIsTerminatedEndsQuietlyWithoutAnOutcome) {
  StartServer(TrainTask(kEndless));
  StartWorker();
  ASSERT_TRUE(server_->WaitFor([](const Messages& seen) { return EpochsOf(seen).size() > 3; }));
  executor_.Terminate(worker_);
  EXPECT_EQ(End(), "exited with code 0");
  EXPECT_FALSE(HasOutcome(server_->received()));
}

}  // namespace
}  // namespace trainyard::server

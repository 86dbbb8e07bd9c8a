// What becomes of workers that are refused, or lose their server.
#include "tests/support/worker_process.h"

namespace trainyard::server {
namespace {

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

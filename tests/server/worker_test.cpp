// What workers do of each task.
#include "tests/support/worker_process.h"

namespace trainyard::server {
namespace {

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

}  // namespace
}  // namespace trainyard::server

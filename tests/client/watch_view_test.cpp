#include <gmock/gmock.h>

#include "client/cli/live/plain_watch.h"
#include "client/cli/live/watch_frame.h"
#include "client/cli/live/watch_model.h"
#include "client/cli/term/text.h"

namespace trainyard::client {
namespace {

using testing::HasSubstr;

v1::TrainingJob Job(int epochs) {
  v1::TrainingJob job;
  job.set_name("users/me/jobs/j");
  job.mutable_spec()->set_epochs(epochs);
  job.mutable_spec()->set_dataset("users/me/datasets/d");
  job.set_state(v1::TrainingJob::RUNNING);
  return job;
}

v1::TrainingEvent Epoch(int number, double cost) {
  v1::TrainingEvent event;
  v1::EpochCompleted& epoch = *event.mutable_epoch();
  epoch.set_epoch(number);
  epoch.set_cost(cost);
  epoch.set_mean_cost(cost / 100);
  epoch.set_train_accuracy(0.71);
  epoch.set_seconds(0.012);
  epoch.set_samples_per_second(8333);
  return event;
}

v1::TrainingEvent State(v1::TrainingJob::State state) {
  v1::TrainingEvent event;
  event.mutable_state_change()->set_state(state);
  return event;
}

TEST(EventLine, OneForEachKind) {
  EXPECT_EQ(EventLine(Epoch(3, 61.2034), 50),
            "epoch 3/50  cost 61.2034  mean 0.6120  accuracy 0.71  0.012 s");
  EXPECT_EQ(EventLine(State(v1::TrainingJob::SUCCEEDED), 50), "SUCCEEDED");
}

TEST(WatchModel, KnowsHowFarAJobIs) {
  WatchModel model(Job(4));
  EXPECT_FALSE(model.SecondsLeft().has_value());
  model.Apply(Epoch(1, 5));
  v1::TrainingProgress progress;
  progress.set_epoch(2);
  progress.set_rows_done(50);
  progress.set_row_count(100);
  model.Apply(progress);
  EXPECT_DOUBLE_EQ(model.ShareDone(), 1.5 / 4);
  EXPECT_NEAR(*model.SecondsLeft(), 2.5 * 0.012, 1e-9);
}

TEST(WatchModel, AReplayedEpochIsTheSameEpoch) {
  WatchModel model(Job(4));
  model.Apply(Epoch(1, 5));
  model.Apply(Epoch(2, 4));
  model.Apply(Epoch(2, 4));
  EXPECT_EQ(model.epochs().size(), 2u);
}

TEST(WatchFrame, FitsTheTerminal) {
  for (const int width : {30, 60, 100}) {
    for (const int height : {12, 24, 60}) {
      Look look;
      look.width = width;
      look.height = height;
      WatchModel model(Job(50));
      for (int number = 1; number < 20; ++number) model.Apply(Epoch(number, 90.0 / number));
      const auto lines = WatchFrame(look, model, "notice");
      EXPECT_LE(static_cast<int>(lines.size()), std::max(height, 14));
      for (const std::string& line : lines) EXPECT_LT(DisplayWidth(line), width) << line;
    }
  }
}

TEST(WatchFrame, EndsWithTheOutcome) {
  WatchModel model(Job(2));
  model.Apply(Epoch(1, 5));
  v1::TrainingEvent failed = State(v1::TrainingJob::FAILED);
  failed.mutable_state_change()->mutable_error()->set_message("the cost is not finite");
  model.Apply(failed);
  std::string text;
  for (const std::string& line : WatchFrame(Look(), model, "")) text += line + "\n";
  EXPECT_THAT(text, HasSubstr("FAILED"));
  EXPECT_THAT(text, HasSubstr("the cost is not finite"));
  EXPECT_THAT(text, HasSubstr("1 epoch in 0.012 s"));
}

}  // namespace
}  // namespace trainyard::client

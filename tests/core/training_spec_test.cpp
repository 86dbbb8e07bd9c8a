// What may be trained on what.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "core/base/error.h"
#include "core/train/trainer.h"
#include "tests/support/small_run.h"

namespace trainyard {
namespace {

using ::testing::HasSubstr;
using testing::kClasses;
using testing::kInputs;
using testing::Network;
using testing::SigmoidNetwork;
using testing::SoftmaxNetwork;
using testing::Spec;

TEST(TrainingSpec, ErrorsNameTheField) {
  const auto field_of = [](TrainingSpec spec) { return GetErrorDetails(Validate(spec)).field; };
  EXPECT_TRUE(Validate(Spec(1, 1)).ok());
  TrainingSpec spec = Spec(-1, 1);
  EXPECT_EQ(field_of(spec), "epochs");
  spec = Spec(1, 0);
  EXPECT_EQ(field_of(spec), "batch_size");
  spec = Spec(1, 1);
  for (const int threads : {0, -1, 257}) {
    spec.threads = threads;
    EXPECT_EQ(field_of(spec), "threads");
  }
  spec.threads = 256;
  EXPECT_TRUE(Validate(spec).ok());
  spec = Spec(1, 1);
  for (const double rate : {0.0, -1.0, static_cast<double>(NAN), static_cast<double>(INFINITY)}) {
    spec.learning_rate = rate;
    EXPECT_EQ(field_of(spec), "learning_rate");
  }
  spec.epochs = 0;
  spec.learning_rate = 0;
  EXPECT_TRUE(Validate(spec).ok());
}

TEST(TrainingSpec, ErrorsOfEveryPartNameTheField) {
  const auto field_of = [](auto change) {
    TrainingSpec spec = Spec(1, 1);
    change(spec);
    return GetErrorDetails(Validate(spec)).field;
  };
  using S = TrainingSpec;
  EXPECT_EQ(field_of([](S& s) {
              s.optimizer = MomentumSpec{1, false};
            }),
            "optimizer.momentum.momentum");
  EXPECT_EQ(field_of([](S& s) {
              s.optimizer = AdamSpec{0.9, -0.1, 1e-8};
            }),
            "optimizer.adam.beta2");
  EXPECT_EQ(field_of([](S& s) {
              s.optimizer = AdamSpec{0.9, 0.999, 0};
            }),
            "optimizer.adam.epsilon");
  EXPECT_EQ(field_of([](S& s) {
              s.optimizer = AdamWSpec{{}, -1};
            }),
            "optimizer.adamw.weight_decay");
  EXPECT_EQ(field_of([](S& s) { s.schedule.warmup_epochs = NAN; }), "schedule.warmup_epochs");
  EXPECT_EQ(field_of([](S& s) {
              s.schedule.kind = StepSchedule{0, 0.1};
            }),
            "schedule.step.epochs_per_step");
  EXPECT_EQ(field_of([](S& s) { s.schedule.kind = StepSchedule{1, 0}; }), "schedule.step.factor");
  EXPECT_EQ(field_of([](S& s) { s.schedule.kind = CosineSchedule{-1}; }),
            "schedule.cosine.final_learning_rate");
  EXPECT_EQ(field_of([](S& s) { s.penalty.l1 = -1; }), "l1");
  EXPECT_EQ(field_of([](S& s) { s.penalty.l2 = INFINITY; }), "l2");
  EXPECT_EQ(field_of([](S& s) { s.dropout = 1; }), "dropout");
  EXPECT_EQ(field_of([](S& s) {
              s.early_stopping = EarlyStoppingSpec{0, 0};
            }),
            "early_stopping.patience");
  EXPECT_EQ(field_of([](S& s) {
              s.early_stopping = EarlyStoppingSpec{1, -1};
            }),
            "early_stopping.min_delta");
  const auto numpy = [&](auto change) {
    return field_of([&](S& s) {
      s.rng = RandomGenerator::kNumpy;
      change(s);
    });
  };
  EXPECT_EQ(numpy([](S& s) { s.seed = std::uint64_t{1} << 32; }), "seed");
  EXPECT_EQ(numpy([](S& s) { s.dropout = 0.5; }), "dropout");
}

TEST(TrainingSpec, NumpyDrawsUniformWeightsOrNone) {
  TrainingSpec spec = Spec(1, 1);
  NetworkSpec network = SigmoidNetwork();
  network.initializer = HeInitializer{};
  EXPECT_TRUE(ValidateFor(spec, network).ok());
  spec.rng = RandomGenerator::kNumpy;
  EXPECT_EQ(GetErrorDetails(ValidateFor(spec, network)).field, "rng");
  network.initializer = ZerosInitializer{};
  EXPECT_TRUE(ValidateFor(spec, network).ok());
}

DatasetInfo Info(int features, int classes) {
  DatasetInfo info;
  info.rows = 10;
  info.features = features;
  info.class_count = classes;
  return info;
}

TEST(CheckFit, NamesBothNumbers) {
  const NetworkSpec network = Network({{kClasses}});
  EXPECT_TRUE(CheckFit(network, Info(kInputs, kClasses), true).ok());
  absl::Status status = CheckFit(network, Info(20, kClasses), true);
  EXPECT_EQ(GetErrorDetails(status).reason, "INPUT_COUNT_MISMATCH");
  EXPECT_THAT(std::string(status.message()), HasSubstr("19 inputs"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("20 features"));
  status = CheckFit(network, Info(kInputs, 4), true);
  EXPECT_EQ(GetErrorDetails(status).reason, "OUTPUT_COUNT_MISMATCH");
  EXPECT_THAT(std::string(status.message()), HasSubstr("3 outputs"));
  EXPECT_FALSE(CheckFit(network, Info(kInputs, 2), true).ok());
}

TEST(CheckFit, AnEvaluationSetMayLackClassesButHaveNoMore) {
  EXPECT_TRUE(CheckFit(Network({{kClasses}}), Info(kInputs, 2), false).ok());
  const absl::Status status = CheckFit(Network({{kClasses}}), Info(kInputs, 4), false);
  EXPECT_EQ(GetErrorDetails(status).reason, "OUTPUT_COUNT_MISMATCH");
}

TEST(CheckFit, OneOutputIsForTwoClasses) {
  EXPECT_TRUE(CheckFit(Network({{1}}), Info(kInputs, 2), true).ok());
  EXPECT_FALSE(CheckFit(Network({{1}}), Info(kInputs, 3), true).ok());
  EXPECT_TRUE(CheckFit(Network({{1}}), Info(kInputs, 1), false).ok());
}

TEST(CheckFit, RegressionNeedsAsManyOutputsAsTargetsAndSquaredError) {
  DatasetInfo info = Info(kInputs, 0);
  info.task = Task::kRegression;
  info.target_count = kClasses;
  EXPECT_TRUE(CheckFit(Network({{kClasses}}), info, true).ok());
  EXPECT_EQ(GetErrorDetails(CheckFit(SoftmaxNetwork(), info, true)).reason,
            "LOSS_NOT_FOR_REGRESSION");
  info.target_count = 1;
  EXPECT_EQ(GetErrorDetails(CheckFit(Network({{kClasses}}), info, true)).reason,
            "OUTPUT_COUNT_MISMATCH");
}

TEST(TrainingMemoryBytes, OfTheNotebooksNetworkIsBelowTheWorkersBudget) {
  NetworkSpec network;
  network.inputs = 784;
  network.layers = {{500}, {200}, {10}};
  EXPECT_GT(TrainingMemoryBytes(network, Spec(1, 1), Precision::kF32), 2 * 494710 * 4);
  EXPECT_LT(TrainingMemoryBytes(network, Spec(1, 512), Precision::kF32), 40 << 20);
}

}  // namespace
}  // namespace trainyard

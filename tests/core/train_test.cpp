#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "core/base/error.h"
#include "core/kernels/reference.h"
#include "core/kernels/variant.h"
#include "core/rng/philox.h"
#include "core/train/epoch_runner.h"
#include "core/train/trainer.h"
#include "tests/support/random_data.h"
#include "tests/support/recording_observer.h"
#include "tests/support/small_run.h"

namespace trainyard {
namespace {

using testing::kClasses;
using testing::kInputs;
using testing::Network;
using testing::RecordingObserver;
using testing::SigmoidNetwork;
using testing::SoftmaxNetwork;
using testing::Spec;

constexpr int kRows = 131;

NetworkSpec GeluNetwork() {
  return Network({{17, Activation::kGelu}, {5, Activation::kSoftplus}, {kClasses}});
}

Dataset Samples() {
  return testing::MakeDataset(testing::RandomRows(kRows, kInputs),
                              testing::RandomLabels(kRows, kClasses));
}

template <typename T>
TrainingState<T> Start(const NetworkSpec& network) {
  return TrainingState<T>(DrawParameters<T>(network));
}

template <typename T>
absl::Status RunTraining(const NetworkSpec& network, const TrainingSpec& spec,
                         const Dataset& dataset, TrainingState<T>& position,
                         RecordingObserver<T>& observer, std::stop_token stop = {}) {
  return Train<T>(network, spec, Scaling{}, dataset, nullptr, position, observer, stop);
}

// The weights after training by the formulas of reference.h, without kernels.
Parameters<double> TrainByReference(const NetworkSpec& network, const TrainingSpec& spec,
                                    const Dataset& dataset) {
  Parameters<double> weights = DrawParameters<double>(network);
  for (int epoch = 1; epoch <= spec.epochs; ++epoch) {
    const std::vector<std::uint32_t> order = RandomPermutation(
        static_cast<std::uint32_t>(dataset.rows()), spec.seed, static_cast<std::uint32_t>(epoch));
    const auto batch_size = static_cast<std::size_t>(spec.batch_size);
    for (std::size_t first = 0; first < order.size(); first += batch_size) {
      const std::size_t count = std::min(batch_size, order.size() - first);
      const double rate = spec.gradient_reduction == GradientReduction::kMean
                              ? spec.learning_rate / static_cast<double>(count)
                              : spec.learning_rate;
      const Parameters<double> before = weights;
      for (std::size_t i = first; i < first + count; ++i) {
        const auto raw = dataset.FloatsOf(order[i]);
        const std::vector<double> x(raw.begin(), raw.end());
        std::vector<double> t(static_cast<std::size_t>(network.outputs()));
        t[static_cast<std::size_t>(dataset.labels()[order[i]])] = 1;
        const auto gradient = ReferenceGradient<double>(network, before, x, t);
        for (std::size_t w = 0; w < weights.values().size(); ++w) {
          weights.values()[w] -= rate * gradient.values()[w];
        }
      }
    }
  }
  return weights;
}

class TrainVariantTest : public ::testing::TestWithParam<std::string> {
 protected:
  TrainVariantTest() : before_(ActiveVariant()) { EXPECT_TRUE(SelectVariant(GetParam())); }
  ~TrainVariantTest() override { SelectVariant(before_); }

  template <typename T>
  void ExpectAgreesWithReference(const NetworkSpec& network, const TrainingSpec& spec,
                                 double tolerance) {
    const Dataset dataset = Samples();
    TrainingState<T> position = Start<T>(network);
    RecordingObserver<T> observer;
    ASSERT_TRUE(RunTraining(network, spec, dataset, position, observer).ok());
    const Parameters<double> expected = TrainByReference(network, spec, dataset);
    for (std::size_t i = 0; i < expected.values().size(); ++i) {
      ASSERT_NEAR(static_cast<double>(position.parameters.values()[i]), expected.values()[i],
                  tolerance)
          << "batch " << spec.batch_size << ", parameter " << i;
    }
  }

 private:
  std::string before_;
};

TEST_P(TrainVariantTest, AFewEpochsAgreeWithTheFormulas) {
  for (const NetworkSpec& network : {SigmoidNetwork(), SoftmaxNetwork()}) {
    for (const int batch_size : {1, 7, 128, 1000}) {
      ExpectAgreesWithReference<double>(network, Spec(3, batch_size), 1e-11);
      ExpectAgreesWithReference<float>(network, Spec(3, batch_size), 2e-4);
    }
  }
}

TEST_P(TrainVariantTest, WithoutBiasesAndWithSummedGradientsToo) {
  NetworkSpec network = SigmoidNetwork();
  network.bias = false;
  TrainingSpec spec = Spec(2, 7);
  spec.gradient_reduction = GradientReduction::kSum;
  ExpectAgreesWithReference<double>(network, spec, 1e-11);
}

TEST_P(TrainVariantTest, IsDeterministic) {
  const Dataset dataset = Samples();
  for (const int batch_size : {1, 128}) {
    TrainingState<float> first = Start<float>(SigmoidNetwork());
    TrainingState<float> second = Start<float>(SigmoidNetwork());
    RecordingObserver<float> observer;
    ASSERT_TRUE(RunTraining(SigmoidNetwork(), Spec(3, batch_size), dataset, first, observer).ok());
    ASSERT_TRUE(RunTraining(SigmoidNetwork(), Spec(3, batch_size), dataset, second, observer).ok());
    EXPECT_EQ(DigestOf(first.parameters), DigestOf(second.parameters));
  }
}

std::vector<std::string> Variants() {
  std::vector<std::string> names;
  for (const std::string_view name : AvailableVariants()) names.emplace_back(name);
  return names;
}

INSTANTIATE_TEST_SUITE_P(Variants, TrainVariantTest, ::testing::ValuesIn(Variants()),
                         [](const auto& variant) { return variant.param; });

// One sigmoid unit, one sample: n = 0.5 * 2 + 0 = 1, y = 1 / (1 + e^-1),
// S = -2 y (1 - y) (t - y), W = 0.5 - rate * 2 * S, b = -rate * S.
TEST(Train, FollowsAHandComputedExample) {
  NetworkSpec network;
  network.inputs = 1;
  network.layers = {{1}};
  TrainingSpec spec = Spec(1, 1);
  spec.learning_rate = 0.1;
  TrainingState<double> position{Parameters<double>(network)};
  position.parameters.weights(0)[0] = 0.5;
  RecordingObserver<double> observer;
  ASSERT_TRUE(
      RunTraining(network, spec, testing::MakeDataset({1, {2}, {}}, {0}), position, observer).ok());
  const double y = 1 / (1 + std::exp(-1.0));
  const double s = -2 * y * (1 - y) * (0 - y);
  EXPECT_NEAR(position.parameters.weights(0)[0], 0.5 - 0.1 * 2 * s, 1e-15);
  EXPECT_NEAR(position.parameters.biases(0)[0], -0.1 * s, 1e-15);
  const double n = 2 * position.parameters.weights(0)[0] + position.parameters.biases(0)[0];
  const double after = 1 / (1 + std::exp(-n));
  ASSERT_EQ(observer.reports.size(), 1);
  EXPECT_NEAR(observer.reports[0].cost, after * after, 1e-15);
  EXPECT_EQ(observer.reports[0].epoch, 1);
  EXPECT_EQ(observer.reports[0].train_accuracy, 0);
  EXPECT_EQ(observer.reports[0].learning_rate, 0.1);
}

TEST(Train, LearnsOrWithOneOutputSigmoidOrTanh) {
  const Dataset gate = testing::MakeDataset({2, {0, 0, 0, 1, 1, 0, 1, 1}, {}}, {0, 1, 1, 1});
  for (const Activation activation : {Activation::kSigmoid, Activation::kTanh}) {
    NetworkSpec network;
    network.inputs = 2;
    network.layers = {{4, activation}, {1, activation}};
    TrainingSpec spec = Spec(2000, 4);
    spec.learning_rate = 0.1;
    spec.gradient_reduction = GradientReduction::kSum;
    TrainingState<float> position = Start<float>(network);
    RecordingObserver<float> observer;
    ASSERT_TRUE(RunTraining(network, spec, gate, position, observer).ok());
    EXPECT_EQ(observer.reports.back().train_accuracy, 1);
    EXPECT_LT(observer.reports.back().cost, 0.1);
    EXPECT_DOUBLE_EQ(observer.reports.back().mean_cost, observer.reports.back().cost / 4);
  }
}

TEST(Train, FitsALineAsARegression) {
  testing::TempRows rows{1, {}, {}};
  std::vector<float> targets;
  for (int i = 0; i < 20; ++i) {
    const float x = static_cast<float>(i) / 20;
    rows.floats.push_back(x);
    targets.insert(targets.end(), {3 * x - 1, x});
  }
  NetworkSpec network;
  network.inputs = 1;
  network.layers = {{2, Activation::kLinear}};
  TrainingState<double> position = Start<double>(network);
  RecordingObserver<double> observer;
  const Dataset line = testing::MakeRegressionDataset(rows, 2, targets);
  ASSERT_TRUE(RunTraining(network, Spec(1000, 1), line, position, observer).ok());
  EXPECT_LT(observer.reports.back().cost, 1e-6);
  EXPECT_FALSE(observer.reports.back().train_accuracy.has_value());
  EXPECT_NEAR(position.parameters.weights(0)[0], 3, 1e-3);
  EXPECT_NEAR(position.parameters.biases(0)[0], -1, 1e-3);
}

TEST(Train, GoesOnFromAPositionAsIfUndisturbed) {
  const Dataset dataset = Samples();
  for (const int batch_size : {1, 7}) {
    TrainingState<float> whole = Start<float>(SigmoidNetwork());
    TrainingState<float> parts = Start<float>(SigmoidNetwork());
    RecordingObserver<float> observer;
    ASSERT_TRUE(RunTraining(SigmoidNetwork(), Spec(5, batch_size), dataset, whole, observer).ok());
    RecordingObserver<float> resumed;
    ASSERT_TRUE(RunTraining(SigmoidNetwork(), Spec(2, batch_size), dataset, parts, resumed).ok());
    EXPECT_EQ(parts.epochs_completed, 2);
    ASSERT_TRUE(RunTraining(SigmoidNetwork(), Spec(5, batch_size), dataset, parts, resumed).ok());
    EXPECT_EQ(DigestOf(parts.parameters), DigestOf(whole.parameters));
    ASSERT_EQ(resumed.reports.size(), 5);
    for (std::size_t i = 0; i < 5; ++i) {
      EXPECT_EQ(resumed.reports[i].epoch, static_cast<int>(i) + 1);
      EXPECT_EQ(resumed.reports[i].cost, observer.reports[i].cost);
    }
  }
}

TEST(Train, WithoutEpochsLeavesTheWeightsAlone) {
  TrainingState<float> position = Start<float>(SigmoidNetwork());
  RecordingObserver<float> observer;
  ASSERT_TRUE(RunTraining(SigmoidNetwork(), Spec(0, 1), Samples(), position, observer).ok());
  EXPECT_TRUE(observer.reports.empty());
  EXPECT_EQ(DigestOf(position.parameters), DigestOf(DrawParameters<float>(SigmoidNetwork())));
}

TEST(Train, ReportsTheValidationSet) {
  const Dataset dataset = Samples();
  TrainingState<float> position = Start<float>(SoftmaxNetwork());
  RecordingObserver<float> observer;
  ASSERT_TRUE(Train<float>(SoftmaxNetwork(), Spec(1, 7), Scaling{}, dataset, &dataset, position,
                           observer, {})
                  .ok());
  EXPECT_EQ(observer.reports[0].validation_cost, observer.reports[0].cost);
  EXPECT_EQ(observer.reports[0].validation_accuracy, observer.reports[0].train_accuracy);
}

TEST(Train, ACostThatIsNotFiniteIsDivergence) {
  NetworkSpec network = Network({{17, Activation::kLinear}, {kClasses, Activation::kLinear}});
  TrainingSpec spec = Spec(50, 1);
  spec.learning_rate = 1e3;
  TrainingState<float> position = Start<float>(network);
  RecordingObserver<float> observer;
  const absl::Status status = RunTraining(network, spec, Samples(), position, observer);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(GetErrorDetails(status).reason, "DIVERGED");
  EXPECT_EQ(GetErrorDetails(status).metadata.at("epoch"),
            std::to_string(observer.reports.size() + 1));
}

TEST(Train, StopsBetweenSamplesAndCanGoOn) {
  std::stop_source stop;
  TrainingState<float> position = Start<float>(SigmoidNetwork());
  RecordingObserver<float> observer;
  observer.on_epoch = [&](const EpochReport& report) {
    if (report.epoch == 2) stop.request_stop();
    return absl::OkStatus();
  };
  const absl::Status status =
      RunTraining(SigmoidNetwork(), Spec(1000, 1), Samples(), position, observer, stop.get_token());
  EXPECT_EQ(status.code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(position.epochs_completed, 2);
  EXPECT_EQ(DigestOf(position.parameters), DigestOf(observer.weights.back()));
}

TEST(Train, EndsWithWhatTheObserverReturns) {
  TrainingState<float> position = Start<float>(SigmoidNetwork());
  RecordingObserver<float> observer;
  observer.on_epoch = [](const EpochReport&) { return absl::ResourceExhaustedError("disk"); };
  const absl::Status status =
      RunTraining(SigmoidNetwork(), Spec(3, 1), Samples(), position, observer);
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(position.epochs_completed, 1);
}

// Two updates into the second epoch, by the runner itself.
template <typename T>
TrainingState<T> WithinTheSecondEpoch(const NetworkSpec& network, const TrainingSpec& spec,
                                      const Dataset& dataset) {
  TrainingState<T> state = InitialState<T>(network, spec);
  PackedNetwork<T> packed(network, state.parameters);
  const Scaling scaling;
  ThreadTeam team(1);
  EpochRunner<T> runner(network, spec, scaling, dataset, team);
  const auto rows = static_cast<std::uint32_t>(dataset.rows());
  Mt19937 generator(0);
  if (state.generator) generator = Mt19937(*state.generator);
  const auto order_of = [&](std::uint32_t epoch) {
    return state.generator ? generator.Permutation(rows)
                           : RandomPermutation(rows, spec.seed, epoch);
  };
  const auto go_on = [](std::int64_t) { return true; };
  runner.Run(packed, {1, 0, order_of(1), 0}, go_on, [] { return false; });
  if (state.generator) state.generator = generator.state();
  int updates = 0;
  state.samples = runner.Run(packed, {2, 0, order_of(2), runner.updates()}, go_on,
                             [&] { return updates++ == 2; });
  state.updates = runner.updates();
  state.epochs_completed = 1;
  packed.CopyTo(state.parameters);
  if (runner.optimizer() != nullptr) {
    for (const PackedNetwork<T>& slot : runner.optimizer()->slots()) {
      slot.CopyTo(state.slots.emplace_back(network));
    }
  }
  return state;
}

std::vector<TrainingSpec> AllKinds() {
  std::vector<TrainingSpec> specs(8, Spec(4, 7));
  specs[0].optimizer = MomentumSpec{};
  specs[1].optimizer = MomentumSpec{0.5, true};
  specs[2].optimizer = AdamSpec{};
  specs[3].optimizer = AdamWSpec{};
  specs[4].penalty = {1e-4, 1e-3};
  specs[5].dropout = 0.3;
  specs[6].rng = RandomGenerator::kNumpy;
  specs[6].batch_size = 1;
  specs[7].schedule = {CosineSchedule{0.001}, 0.5};
  return specs;
}

TEST(Train, GoesOnFromWithinAnEpochAsIfUndisturbed) {
  const Dataset dataset = Samples();
  for (const NetworkSpec& network : {SigmoidNetwork(), GeluNetwork()}) {
    for (const TrainingSpec& spec : AllKinds()) {
      TrainingState<float> whole = InitialState<float>(network, spec);
      RecordingObserver<float> undisturbed;
      ASSERT_TRUE(RunTraining(network, spec, dataset, whole, undisturbed).ok());
      TrainingState<float> parts = WithinTheSecondEpoch<float>(network, spec, dataset);
      EXPECT_GT(parts.samples, 0);
      EXPECT_LT(parts.samples, dataset.rows());
      RecordingObserver<float> resumed;
      ASSERT_TRUE(RunTraining(network, spec, dataset, parts, resumed).ok());
      EXPECT_EQ(DigestOf(parts.parameters), DigestOf(whole.parameters));
      ASSERT_EQ(resumed.reports.size(), 3);
      EXPECT_EQ(resumed.reports[0].cost, undisturbed.reports[1].cost);
      EXPECT_EQ(resumed.reports[0].learning_rate, undisturbed.reports[1].learning_rate);
    }
  }
}

// Its epochs are long enough that the observer is asked within one.
TEST(Train, StopsWithinALongEpochWithTheStateOfThatMoment) {
  NetworkSpec network = Network({{400}, {400}, {kClasses}});
  const Dataset dataset = testing::MakeDataset(testing::RandomRows(4000, kInputs),
                                               testing::RandomLabels(4000, kClasses));
  std::stop_source stop;
  TrainingState<double> state = Start<double>(network);
  RecordingObserver<double> observer;
  observer.on_progress = [&] { stop.request_stop(); };
  ASSERT_EQ(RunTraining(network, Spec(2, 1), dataset, state, observer, stop.get_token()).code(),
            absl::StatusCode::kCancelled);
  EXPECT_EQ(state.epochs_completed, 0);
  EXPECT_EQ(DigestOf(state.parameters), DigestOf(DrawParameters<double>(network)));
  ASSERT_TRUE(observer.stopped_at.has_value());
  TrainingState<double> resumed = *observer.stopped_at;
  EXPECT_EQ(resumed.epochs_completed, 0);
  EXPECT_GT(resumed.samples, 0);
  EXPECT_LT(resumed.samples, 4000);
  EXPECT_EQ(DigestOf(observer.last_end->parameters), DigestOf(state.parameters));
  RecordingObserver<double> rest;
  ASSERT_TRUE(RunTraining(network, Spec(1, 1), dataset, resumed, rest).ok());
  ASSERT_TRUE(RunTraining(network, Spec(1, 1), dataset, state, rest).ok());
  EXPECT_EQ(DigestOf(resumed.parameters), DigestOf(state.parameters));
}

TEST(Train, DropoutDoesNotDependOnHowABatchIsCut) {
  const Dataset dataset = Samples();
  TrainingSpec spec = Spec(2, 128);
  spec.dropout = 0.5;
  // One so wide that a batch is done in pieces.
  NetworkSpec wide = Network({{20000, Activation::kRelu}, {kClasses}});
  ASSERT_LT(RowsAtOnce(wide), 128);
  TrainingState<float> state = Start<float>(wide);
  RecordingObserver<float> observer;
  ASSERT_TRUE(RunTraining(wide, spec, dataset, state, observer).ok());
  TrainingState<float> whole = Start<float>(wide);
  KeptDerivatives<float> kept(wide, spec, 128);
  ThreadTeam team(1);
  BatchGradient<float> gradient(wide, 128, team);
  PackedNetwork<float> packed(wide, whole.parameters);
  Scaling scaling;
  InputBatch<float> inputs(scaling, kInputs, 128);
  TargetReader<float> reader(wide, dataset);
  for (int epoch = 1; epoch <= 2; ++epoch) {
    const auto order = RandomPermutation(kRows, spec.seed, static_cast<std::uint32_t>(epoch));
    for (std::size_t first = 0; first < order.size(); first += 128) {
      const std::size_t count = std::min<std::size_t>(128, order.size() - first);
      std::vector<float> targets(count * kClasses);
      inputs.Clear();
      for (std::size_t i = 0; i < count; ++i) {
        inputs.Append(dataset, order[first + i]);
        reader.Read(order[first + i], std::span(targets).subspan(i * kClasses, kClasses));
      }
      kept.SetPlace(epoch, static_cast<std::int64_t>(first));
      gradient.Add(packed, inputs, targets, &kept);
      gradient.Apply(packed, static_cast<float>(spec.learning_rate / static_cast<double>(count)));
    }
  }
  packed.CopyTo(whole.parameters);
  EXPECT_EQ(DigestOf(state.parameters), DigestOf(whole.parameters));
}

TEST(Train, StopsEarlyWhenValidationNoLongerFalls) {
  const Dataset dataset = Samples();
  const Dataset other = testing::MakeDataset(testing::RandomRows(40, kInputs, 77),
                                             testing::RandomLabels(40, kClasses, 78));
  TrainingSpec spec = Spec(2000, 7);
  spec.early_stopping = EarlyStoppingSpec{5, 0};
  TrainingState<float> state = Start<float>(SigmoidNetwork());
  RecordingObserver<float> observer;
  const auto train = [&] {
    return Train<float>(SigmoidNetwork(), spec, Scaling{}, dataset, &other, state, observer, {});
  };
  ASSERT_TRUE(train().ok());
  ASSERT_LT(state.epochs_completed, 2000);
  EXPECT_TRUE(StoppedEarly(spec, state));
  EXPECT_EQ(state.best_epoch, state.epochs_completed - 5);
  EXPECT_EQ(DigestOf(state.parameters), DigestOf(observer.weights.back()));
  const auto& reports = observer.reports;
  for (const EpochReport& report : reports) {
    EXPECT_GE(*report.validation_cost, state.best_validation_cost);
  }
  // Going on does nothing.
  ASSERT_TRUE(train().ok());
  EXPECT_EQ(observer.reports.size(), static_cast<std::size_t>(state.epochs_completed));
}

TEST(InitialState, OfNumpyIsDrawnFromTheRunsSeed) {
  NetworkSpec network = Network({{3}, {2}});
  TrainingSpec spec = Spec(1, 1);
  spec.rng = RandomGenerator::kNumpy;
  spec.seed = 0;
  const TrainingState<double> state = InitialState<double>(network, spec);
  EXPECT_EQ(state.parameters.weights(0)[0], 0.5 - 0.5488135039273248);
  EXPECT_EQ(state.parameters.weights(0)[1], 0.5 - 0.7151893663724195);
  EXPECT_EQ(state.parameters.biases(0)[0], 0);
  ASSERT_TRUE(state.generator.has_value());
  Mt19937 generator(0);
  for (std::int64_t i = 0; i < kInputs * 3 + 3 * 2; ++i) generator.NextUniform();
  EXPECT_EQ(state.generator, generator.state());
}

}  // namespace
}  // namespace trainyard

// What may change the bits of a training run, and what may not.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <string>
#include <tuple>
#include <vector>

#include "core/data/ingest.h"
#include "core/eval/evaluation.h"
#include "core/kernels/variant.h"
#include "core/train/batch_gradient.h"
#include "core/train/trainer.h"
#include "tests/support/mnist.h"
#include "tests/support/random_data.h"
#include "tests/support/recording_observer.h"
#include "tests/support/temp_folder.h"

namespace trainyard {
namespace {

using testing::RecordingObserver;

constexpr int kRows = 300;
constexpr int kInputs = 37;

struct Case {
  std::string name;
  NetworkSpec network;
};

Case Make(std::string name, std::vector<LayerSpec> layers, Loss loss) {
  NetworkSpec network;
  network.inputs = kInputs;
  network.layers = std::move(layers);
  network.loss = loss;
  network.initializer = XavierInitializer{};
  network.seed = 3;
  return {std::move(name), network};
}

// Whose gradient needs nothing but the activations.
std::vector<Case> Cases() {
  using enum Activation;
  const Loss tse = Loss::kTotalSquaredError;
  std::vector<Case> cases = {
      Make("Sigmoid", {{50, kSigmoid}, {21, kSigmoid}, {3, kSigmoid}}, tse),
      Make("TanhRelu", {{33, kTanh}, {20, kRelu}, {16, kTanh}, {3, kLinear}}, tse),
      Make("Softmax", {{40, kRelu}, {3, kSoftmax}}, Loss::kCrossEntropy),
      Make("SoftmaxAlone", {{3, kSoftmax}}, Loss::kCrossEntropy),
      Make("WithoutBiases", {{19, kSigmoid}, {3, kSigmoid}}, tse)};
  cases.back().network.bias = false;
  return cases;
}

std::vector<Case> AllCases() {
  using enum Activation;
  std::vector<Case> cases = Cases();
  cases.push_back(
      Make("GeluSoftplus", {{35, kGelu}, {18, kSoftplus}, {3, kLinear}}, Loss::kTotalSquaredError));
  return cases;
}

template <typename T>
struct Outcome {
  std::string digest;
  std::vector<EpochReport> reports;
};

template <typename T>
Outcome<T> TrainWith(const NetworkSpec& network, const TrainingSpec& spec, const Dataset& dataset,
                     const Scaling& scaling = {}) {
  TrainingState<T> state = InitialState<T>(network, spec);
  RecordingObserver<T> observer;
  const absl::Status status =
      Train<T>(network, spec, scaling, dataset, &dataset, state, observer, {});
  EXPECT_TRUE(status.ok()) << status;
  return {DigestOf(state.parameters), observer.reports};
}

class ThreadsTest : public ::testing::TestWithParam<std::tuple<Case, int>> {};

template <typename T>
void ExpectThreadsDoNotShow(const NetworkSpec& network, int batch_size, TrainingSpec spec = {}) {
  const Dataset dataset =
      testing::MakeDataset(testing::RandomRows(kRows, kInputs), testing::RandomLabels(kRows, 3));
  spec.epochs = 2;
  spec.learning_rate = 0.05;
  spec.batch_size = batch_size;
  const Outcome<T> alone = TrainWith<T>(network, spec, dataset);
  for (const int threads : {2, 4}) {
    spec.threads = threads;
    const Outcome<T> shared = TrainWith<T>(network, spec, dataset);
    EXPECT_EQ(shared.digest, alone.digest) << threads;
    ASSERT_EQ(shared.reports.size(), 2);
    for (std::size_t epoch = 0; epoch < 2; ++epoch) {
      EXPECT_EQ(shared.reports[epoch].cost, alone.reports[epoch].cost);
      EXPECT_EQ(shared.reports[epoch].validation_cost, alone.reports[epoch].validation_cost);
      EXPECT_EQ(shared.reports[epoch].train_accuracy, alone.reports[epoch].train_accuracy);
    }
  }
}

TEST_P(ThreadsTest, DoNotChangeAByte) {
  const auto& [test, batch_size] = GetParam();
  ExpectThreadsDoNotShow<float>(test.network, batch_size);
  ExpectThreadsDoNotShow<double>(test.network, batch_size);
}

// Masks and updates are shared out, too.
TEST_P(ThreadsTest, DoNotChangeAByteOfAdamWithDropout) {
  const auto& [test, batch_size] = GetParam();
  TrainingSpec spec;
  spec.optimizer = AdamSpec{};
  spec.dropout = 0.3;
  spec.penalty.l2 = 1e-3;
  ExpectThreadsDoNotShow<float>(test.network, batch_size, spec);
  ExpectThreadsDoNotShow<double>(test.network, batch_size, spec);
}

// 1000 is more than a piece, and more than there are rows.
INSTANTIATE_TEST_SUITE_P(All, ThreadsTest,
                         ::testing::Combine(::testing::ValuesIn(AllCases()),
                                            ::testing::Values(1, 7, 128, 1000)),
                         [](const auto& test) {
                           return std::get<0>(test.param).name + "Batch" +
                                  std::to_string(std::get<1>(test.param));
                         });

TEST(Threads, DoNotChangeAnEvaluation) {
  const Dataset dataset =
      testing::MakeDataset(testing::RandomRows(kRows, kInputs), testing::RandomLabels(kRows, 3));
  for (const Case& test : Cases()) {
    const auto parameters = DrawParameters<float>(test.network);
    const auto alone = Evaluate<float>(test.network, parameters, {}, dataset);
    const auto shared = Evaluate<float>(test.network, parameters, {}, dataset, 3);
    ASSERT_TRUE(alone && shared);
    EXPECT_EQ(shared->cost, alone->cost);
    EXPECT_EQ(shared->confusion.counts, alone->confusion.counts);
  }
}

// The gradient of all rows, in pieces of so many.
template <typename T>
Parameters<T> GradientInPieces(const NetworkSpec& network, const Dataset& dataset,
                               std::int64_t piece_rows, int threads) {
  ThreadTeam team(threads);
  const Scaling scaling;
  const PackedNetwork<T> packed(network, DrawParameters<T>(network));
  BatchGradient<T> gradient(network, piece_rows, team);
  InputBatch<T> inputs(scaling, network.inputs, piece_rows);
  const TargetReader<T> reader(network, dataset);
  const auto outputs = static_cast<std::size_t>(network.outputs());
  // What is in the sum before must not count.
  gradient.sum().layer(0).weights[0] = 5;
  gradient.Reset();
  for (std::int64_t first = 0; first < dataset.rows(); first += piece_rows) {
    const std::int64_t rows = std::min(piece_rows, dataset.rows() - first);
    std::vector<T> targets(static_cast<std::size_t>(rows) * outputs);
    inputs.Clear();
    for (std::int64_t row = 0; row < rows; ++row) {
      inputs.Append(dataset, first + row);
      reader.Read(first + row,
                  std::span(targets).subspan(static_cast<std::size_t>(row) * outputs, outputs));
    }
    gradient.Add(packed, inputs, targets);
  }
  Parameters<T> sum(network);
  gradient.sum().CopyTo(sum);
  return sum;
}

TEST(BatchGradient, PiecesAndThreadsDoNotShow) {
  const Dataset dataset =
      testing::MakeDataset(testing::RandomRows(kRows, kInputs), testing::RandomLabels(kRows, 3));
  for (const Case& test : Cases()) {
    const std::string whole = DigestOf(GradientInPieces<float>(test.network, dataset, kRows, 1));
    for (const int piece_rows : {1, 7, 128, 299}) {
      EXPECT_EQ(DigestOf(GradientInPieces<float>(test.network, dataset, piece_rows, 1)), whole);
      EXPECT_EQ(DigestOf(GradientInPieces<float>(test.network, dataset, piece_rows, 3)), whole);
    }
  }
}

// Step fuses what Add and Apply do one after another.
template <typename T>
void ExpectStepIsAddAndApply(const NetworkSpec& network) {
  ThreadTeam team(2);
  const Scaling scaling;
  const Dataset dataset =
      testing::MakeDataset(testing::RandomRows(20, kInputs), testing::RandomLabels(20, 3));
  BatchGradient<T> gradient(network, 20, team);
  InputBatch<T> inputs(scaling, kInputs, 20);
  std::vector<T> targets(60);
  for (std::int64_t row = 0; row < 20; ++row) {
    inputs.Append(dataset, row);
    TargetReader<T>(network, dataset)
        .Read(row, std::span(targets).subspan(static_cast<std::size_t>(row) * 3, 3));
  }
  PackedNetwork<T> fused(network, DrawParameters<T>(network));
  PackedNetwork<T> apart(network, DrawParameters<T>(network));
  for (int i = 0; i < 3; ++i) {
    gradient.Step(fused, inputs, targets, T{0.1});
    gradient.Add(apart, inputs, targets);
    gradient.Apply(apart, T{0.1});
  }
  Parameters<T> of_fused(network);
  Parameters<T> of_apart(network);
  fused.CopyTo(of_fused);
  apart.CopyTo(of_apart);
  EXPECT_EQ(DigestOf(of_fused), DigestOf(of_apart));
}

TEST(BatchGradient, AStepIsTheSumThenTheMove) {
  for (const Case& test : Cases()) {
    ExpectStepIsAddAndApply<float>(test.network);
    ExpectStepIsAddAndApply<double>(test.network);
  }
}

// The notebook's network on its training set, once for each instruction set.
template <typename T>
void ExpectVariantsAgree(const Dataset& dataset, int batch_size) {
  NetworkSpec network;
  network.inputs = 784;
  network.layers = {{500}, {200}, {10}};
  TrainingSpec spec;
  spec.epochs = 12;
  spec.learning_rate = 0.05;
  spec.batch_size = batch_size;
  const Scaling scaling{ScalingKind::kDivideBy255, {}, {}};
  std::vector<EpochReport> first;
  for (const std::string_view variant : AvailableVariants()) {
    ASSERT_TRUE(SelectVariant(variant));
    const Outcome<T> outcome = TrainWith<T>(network, spec, dataset, scaling);
    if (first.empty()) first = outcome.reports;
    ASSERT_EQ(outcome.reports.size(), 12);
    for (std::size_t epoch = 0; epoch < 12; ++epoch) {
      const double cost = first[epoch].cost;
      EXPECT_NEAR(outcome.reports[epoch].cost, cost, 1e-4 * cost)
          << variant << ", epoch " << epoch + 1;
    }
  }
}

TEST(Variants, CostsOnTheNotebooksDataAgree) {
  const std::filesystem::path file = testing::FindMnist("MNIST_train_100.csv");
  if (file.empty()) GTEST_SKIP() << "no MNIST on this machine";
  const TempFolder folder;
  ASSERT_TRUE(Ingest({}, {.data = file, .labels = {}}, folder.path(), {}).ok());
  const Dataset dataset = *Dataset::Open(folder.path());
  const std::string before(ActiveVariant());
  for (const int batch_size : {1, 16}) {
    ExpectVariantsAgree<float>(dataset, batch_size);
    ExpectVariantsAgree<double>(dataset, batch_size);
  }
  EXPECT_TRUE(SelectVariant(before));
}

}  // namespace
}  // namespace trainyard

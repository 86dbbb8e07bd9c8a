// The notebook's logic gates: 2-4-1, weights U[0,1), all four rows a step, their
// gradients summed, rate 0.1; over fifty seeds.
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <string>

#include "core/data/generate.h"
#include "core/train/trainer.h"
#include "tests/support/temp_folder.h"

namespace trainyard {
namespace {

constexpr int kSeeds = 50;

const std::map<std::string, GeneratorKind> kGates = {{"AND", GeneratorKind::kAnd},
                                                     {"OR", GeneratorKind::kOr},
                                                     {"XOR", GeneratorKind::kXor},
                                                     {"NAND", GeneratorKind::kNand},
                                                     {"NOR", GeneratorKind::kNor}};
const std::map<std::string, std::string> kTruth = {
    {"AND", "0001"}, {"OR", "0111"}, {"XOR", "0110"}, {"NAND", "1110"}, {"NOR", "1000"}};

class Silent final : public TrainingObserver<double> {
 public:
  absl::Status OnEpoch(const EpochReport&, const StateSource<double>&) override {
    return absl::OkStatus();
  }
  absl::Status OnProgress(int, std::int64_t, std::int64_t, const PlaceSource<double>&) override {
    return absl::OkStatus();
  }
  absl::Status OnStop(const EpochPlace<double>&) override { return absl::OkStatus(); }
};

double Sigmoid(double n) { return 1 / (1 + std::exp(-n)); }

// The output for two inputs, by the formulas.
double Output(const Parameters<double>& parameters, double x0, double x1) {
  double sum = parameters.biases(1).empty() ? 0 : parameters.biases(1)[0];
  for (std::size_t unit = 0; unit < 4; ++unit) {
    double n = parameters.weights(0)[unit] * x0 + parameters.weights(0)[4 + unit] * x1;
    if (!parameters.biases(0).empty()) n += parameters.biases(0)[unit];
    sum += parameters.weights(1)[unit] * Sigmoid(n);
  }
  return Sigmoid(sum);
}

// What a trained network answers to 00, 01, 10, 11, rounded.
std::string Answers(const Dataset& gate, std::uint64_t seed, bool bias, int epochs) {
  NetworkSpec network;
  network.inputs = 2;
  network.layers = {{4, Activation::kSigmoid}, {1, Activation::kSigmoid}};
  network.bias = bias;
  network.initializer = UniformInitializer{0, 1};
  network.seed = seed;
  TrainingSpec spec;
  spec.epochs = epochs;
  spec.learning_rate = 0.1;
  spec.batch_size = 4;
  spec.seed = seed;
  spec.gradient_reduction = GradientReduction::kSum;
  TrainingState<double> state = InitialState<double>(network, spec);
  Silent observer;
  EXPECT_TRUE(Train<double>(network, spec, {}, gate, nullptr, state, observer, {}).ok());
  std::string answers;
  for (int row = 0; row < 4; ++row) {
    answers += Output(state.parameters, row / 2, row % 2) >= 0.5 ? '1' : '0';
  }
  return answers;
}

// How many seeds gave which answers.
std::map<std::string, int> Count(const std::string& gate, bool bias, int epochs) {
  const TempFolder folder;
  EXPECT_TRUE(Generate({.kind = kGates.at(gate), .rows = 4, .noise = {}}, folder.path()).ok());
  const auto rows = *Dataset::Open(folder.path());
  std::map<std::string, int> counts;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    ++counts[Answers(rows, seed, bias, epochs)];
  }
  for (const auto& [answers, count] : counts) {
    ::testing::Test::RecordProperty(gate + "_" + answers, count);
  }
  return counts;
}

TEST(GatesTraining, WithoutBiasesIsWhatTheNotebookPrints) {
  for (const std::string gate : {"AND", "NAND"}) {
    EXPECT_EQ(Count(gate, false, 1000), (std::map<std::string, int>{{kTruth.at(gate), kSeeds}}));
  }
  EXPECT_FALSE(Count("XOR", false, 1000).contains(kTruth.at("XOR")));
  const auto of_or = Count("OR", false, 1000);
  EXPECT_GT(of_or.at("0111"), kSeeds / 2);
  EXPECT_GT(of_or.at("1111"), 0);
  EXPECT_EQ(of_or.at("0111") + of_or.at("1111"), kSeeds);
}

TEST(GatesTraining, WithBiasesXorIsStillWrongAfterAThousandEpochs) {
  EXPECT_FALSE(Count("XOR", true, 1000).contains(kTruth.at("XOR")));
}

TEST(GatesTraining, WithBiasesAllAreRightAfterFiveThousandEpochs) {
  for (const auto& [gate, truth] : kTruth) {
    EXPECT_EQ(Count(gate, true, 5000), (std::map<std::string, int>{{truth, kSeeds}})) << gate;
  }
}

}  // namespace
}  // namespace trainyard

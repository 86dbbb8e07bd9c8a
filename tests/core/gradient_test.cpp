#include <gtest/gtest.h>

#include <algorithm>
#include <ostream>
#include <string>
#include <tuple>

#include "core/kernels/reference.h"
#include "core/kernels/variant.h"
#include "core/loss/loss.h"
#include "core/train/batch_gradient.h"
#include "core/train/sample_step.h"
#include "tests/support/gradient_check.h"
#include "tests/support/random_data.h"

namespace trainyard {
namespace {

constexpr int kInputs = 7;
constexpr int kRows = 5;

struct Case {
  std::string name;
  NetworkSpec network;
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

Case MakeCase(std::string name, std::vector<LayerSpec> layers, Loss loss, bool bias = true) {
  NetworkSpec network;
  network.inputs = kInputs;
  network.layers = std::move(layers);
  network.loss = loss;
  network.bias = bias;
  network.seed = 11;
  return {std::move(name), network};
}

std::vector<Case> Cases() {
  using enum Activation;
  const Loss tse = Loss::kTotalSquaredError;
  const Loss entropy = Loss::kCrossEntropy;
  return {MakeCase("Sigmoid", {{17, kSigmoid}, {3, kSigmoid}}, tse),
          MakeCase("Tanh", {{17, kTanh}, {3, kTanh}}, tse),
          MakeCase("Relu", {{17, kRelu}, {3, kLinear}}, tse),
          MakeCase("ReluOutput", {{17, kTanh}, {3, kRelu}}, tse),
          MakeCase("LeakyRelu", {{17, kLeakyRelu}, {3, kLinear}}, tse),
          MakeCase("Gelu", {{17, kGelu}, {9, kGelu}, {3, kSigmoid}}, tse),
          MakeCase("GeluOutput", {{17, kTanh}, {3, kGelu}}, tse),
          MakeCase("Softplus", {{17, kSoftplus}, {3, kSoftplus}}, tse),
          MakeCase("SoftmaxAfterGelu", {{17, kGelu}, {3, kSoftmax}}, entropy),
          MakeCase("Linear", {{3, kLinear}}, tse),
          MakeCase("NoBias", {{4, kSigmoid}, {3, kSigmoid}}, tse, false),
          MakeCase("Deep", {{5, kTanh}, {1, kSigmoid}, {33, kTanh}, {3, kSigmoid}}, tse),
          MakeCase("SoftmaxAlone", {{3, kSoftmax}}, entropy),
          MakeCase("SoftmaxAfterRelu", {{17, kRelu}, {3, kSoftmax}}, entropy),
          MakeCase("SoftmaxAfterSigmoid", {{9, kSigmoid}, {8, kTanh}, {3, kSoftmax}}, entropy)};
}

class GradientTest : public ::testing::TestWithParam<std::tuple<std::string, Case>> {
 protected:
  GradientTest()
      : before_(ActiveVariant()),
        network_(std::get<1>(GetParam()).network),
        dataset_(testing::MakeDataset(testing::RandomRows(kRows, kInputs),
                                      testing::RandomLabels(kRows, network_.outputs()))),
        at_(DrawParameters<double>(network_)),
        inputs_(scaling_, kInputs, kRows) {
    EXPECT_TRUE(SelectVariant(std::get<0>(GetParam())));
  }
  ~GradientTest() override { SelectVariant(before_); }

  std::vector<double> InputOf(std::int64_t row) const {
    const auto raw = dataset_.FloatsOf(row);
    return {raw.begin(), raw.end()};
  }
  std::vector<double> TargetOf(std::int64_t row) const {
    std::vector<double> target(static_cast<std::size_t>(network_.outputs()));
    TargetReader<double>(network_, dataset_).Read(row, target);
    return target;
  }
  // Appends every row to inputs_ and returns the targets.
  std::vector<double> AppendAll() {
    std::vector<double> targets;
    for (std::int64_t row = 0; row < kRows; ++row) {
      inputs_.Append(dataset_, row);
      const std::vector<double> t = TargetOf(row);
      targets.insert(targets.end(), t.begin(), t.end());
    }
    return targets;
  }
  // The weights before minus after a step of rate 1.
  Parameters<double> Moved(const PackedNetwork<double>& network) const {
    Parameters<double> moved(network_);
    network.CopyTo(moved);
    for (std::size_t i = 0; i < moved.values().size(); ++i) {
      moved.values()[i] = at_.values()[i] - moved.values()[i];
    }
    return moved;
  }

  std::string before_;
  NetworkSpec network_;
  Scaling scaling_;
  Dataset dataset_;
  Parameters<double> at_;
  InputBatch<double> inputs_;
};

TEST_P(GradientTest, OfTheReferenceAgreesWithFiniteDifferences) {
  const std::vector<double> x = InputOf(0);
  const std::vector<double> t = TargetOf(0);
  testing::ExpectIsGradientOf(
      [&](const Parameters<double>& w) { return ReferenceLoss<double>(network_, w, x, t); }, at_,
      ReferenceGradient<double>(network_, at_, x, t));
}

// One sample at a time, with the derivative from the activation.
class SampleGradientTest : public GradientTest {};

TEST_P(SampleGradientTest, AgreesWithFiniteDifferences) {
  PackedNetwork<double> packed(network_, at_);
  const std::vector<double> x = InputOf(0);
  const std::vector<double> t = TargetOf(0);
  inputs_.Append(dataset_, 0);
  SampleStep<double>(network_).Run(packed, inputs_, t, std::vector<double>{1});
  testing::ExpectIsGradientOf(
      [&](const Parameters<double>& w) { return ReferenceLoss<double>(network_, w, x, t); }, at_,
      Moved(packed));
}

TEST_P(GradientTest, OfABatchIsTheSumOverItsRows) {
  PackedNetwork<double> packed(network_, at_);
  ThreadTeam team(2);
  BatchGradient<double> gradient(network_, kRows, team);
  KeptDerivatives<double> kept(network_, TrainingSpec{}, kRows);
  gradient.Add(packed, inputs_, AppendAll(), &kept);
  gradient.Apply(packed, 1);
  const auto loss = [&](const Parameters<double>& w) {
    double sum = 0;
    for (std::int64_t row = 0; row < kRows; ++row) {
      sum += ReferenceLoss<double>(network_, w, InputOf(row), TargetOf(row));
    }
    return sum;
  };
  testing::ExpectIsGradientOf(loss, at_, Moved(packed));
}

// The loss with the masks of one place, against the gradient with the same.
TEST_P(GradientTest, OfABatchWithDropoutIsThatOfTheThinnedNetwork) {
  TrainingSpec spec;
  spec.dropout = 0.4;
  spec.seed = 3;
  KeptDerivatives<double> kept(network_, spec, kRows);
  kept.SetPlace(2, 64);
  const std::vector<double> targets = AppendAll();
  PackedNetwork<double> packed(network_, at_);
  ThreadTeam team(2);
  BatchGradient<double> gradient(network_, kRows, team);
  gradient.Add(packed, inputs_, targets, &kept);
  gradient.Apply(packed, 1);

  BatchForward<double> forward(network_, kRows);
  const bool softmax = network_.loss == Loss::kCrossEntropy;
  using Output = BatchForward<double>::Output;
  const auto loss = [&](const Parameters<double>& w) {
    forward.Run(PackedNetwork<double>(network_, w), inputs_.rows(), 0,
                softmax ? Output::kWeightedSums : Output::kActivations, &kept);
    const auto outputs = static_cast<std::size_t>(network_.outputs());
    double sum = 0;
    for (std::int64_t row = 0; row < kRows; ++row) {
      const auto first = static_cast<std::size_t>(row) * outputs;
      sum += FunctionOf<double>(network_.loss)
                 .value(forward.OutputsOf(row), std::span(targets).subspan(first, outputs));
    }
    return sum;
  };
  testing::ExpectIsGradientOf(loss, at_, Moved(packed));
}

std::vector<std::string> Variants() {
  std::vector<std::string> names;
  for (const std::string_view name : AvailableVariants()) names.emplace_back(name);
  return names;
}

std::string NameOfTest(const ::testing::TestParamInfo<GradientTest::ParamType>& test) {
  return std::get<0>(test.param) + std::get<1>(test.param).name;
}

std::vector<Case> CasesOfOneSample() {
  std::vector<Case> cases = Cases();
  std::erase_if(cases, [](const Case& c) {
    return !std::ranges::all_of(c.network.layers, [](const LayerSpec& layer) {
      return HasDerivativeOfOutput(layer.activation);
    });
  });
  return cases;
}

INSTANTIATE_TEST_SUITE_P(All, GradientTest,
                         ::testing::Combine(::testing::ValuesIn(Variants()),
                                            ::testing::ValuesIn(Cases())),
                         NameOfTest);
INSTANTIATE_TEST_SUITE_P(All, SampleGradientTest,
                         ::testing::Combine(::testing::ValuesIn(Variants()),
                                            ::testing::ValuesIn(CasesOfOneSample())),
                         NameOfTest);

}  // namespace
}  // namespace trainyard

#include "core/nn/network.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/base/error.h"
#include "core/nn/packed_network.h"
#include "core/nn/parameters.h"

namespace trainyard {
namespace {

NetworkSpec Notebook() {
  NetworkSpec spec;
  spec.inputs = 784;
  spec.layers = {{500}, {200}, {10}};
  return spec;
}

std::string FieldOf(const absl::Status& status) { return GetErrorDetails(status).field; }
std::string ReasonOf(const absl::Status& status) { return GetErrorDetails(status).reason; }

TEST(NetworkSpec, TheNotebooksHas494710Parameters) {
  EXPECT_TRUE(Validate(Notebook()).ok());
  EXPECT_TRUE(ValidateTrainable(Notebook()).ok());
  EXPECT_EQ(ParameterCount(Notebook()), 494710);
  const std::vector<LayerShape> shapes = ShapesOf(Notebook());
  ASSERT_EQ(shapes.size(), 3);
  EXPECT_EQ(shapes[1].inputs, 500);
  EXPECT_EQ(shapes[1].units, 200);
  EXPECT_EQ(shapes[1].biases, 200);
  NetworkSpec without_bias = Notebook();
  without_bias.bias = false;
  EXPECT_EQ(ParameterCount(without_bias), 494000);
}

TEST(NetworkSpec, ErrorsNameTheField) {
  NetworkSpec spec = Notebook();
  spec.inputs = 0;
  EXPECT_EQ(FieldOf(Validate(spec)), "input_count");
  spec = Notebook();
  spec.layers[1].units = 65537;
  EXPECT_EQ(FieldOf(Validate(spec)), "layers[1].units");
  spec = Notebook();
  spec.layers.clear();
  EXPECT_EQ(FieldOf(Validate(spec)), "layers");
  spec = Notebook();
  spec.layers.resize(65, {10});
  EXPECT_EQ(FieldOf(Validate(spec)), "layers");
  spec = Notebook();
  spec.layers = {{65536}, {65536}};
  EXPECT_EQ(ReasonOf(Validate(spec)), "TOO_MANY_PARAMETERS");
  spec = Notebook();
  spec.initializer = UniformInitializer{1, 1};
  EXPECT_EQ(FieldOf(Validate(spec)), "initializer.uniform");
  spec.initializer = UniformInitializer{0, std::numeric_limits<double>::infinity()};
  EXPECT_EQ(FieldOf(Validate(spec)), "initializer.uniform");
}

TEST(NetworkSpec, StepIsANetworkButCannotBeTrained) {
  NetworkSpec spec = Notebook();
  spec.layers[1].activation = Activation::kStep;
  EXPECT_TRUE(Validate(spec).ok());
  const absl::Status status = ValidateTrainable(spec);
  EXPECT_EQ(ReasonOf(status), "STEP_NOT_TRAINABLE");
  EXPECT_EQ(FieldOf(status), "layers[1].activation");
  EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr("derivative is zero"));
}

TEST(NetworkSpec, SoftmaxBelongsToTheOutputAndToCrossEntropy) {
  NetworkSpec spec = Notebook();
  spec.layers[0].activation = Activation::kSoftmax;
  EXPECT_EQ(ReasonOf(Validate(spec)), "SOFTMAX_NOT_OUTPUT");
  spec = Notebook();
  spec.layers[2].activation = Activation::kSoftmax;
  EXPECT_TRUE(Validate(spec).ok());
  EXPECT_EQ(ReasonOf(ValidateTrainable(spec)), "SOFTMAX_NEEDS_CROSS_ENTROPY");
  spec.loss = Loss::kCrossEntropy;
  EXPECT_TRUE(ValidateTrainable(spec).ok());
  spec.layers[2].units = 1;
  EXPECT_EQ(ReasonOf(ValidateTrainable(spec)), "SOFTMAX_NEEDS_TWO_UNITS");
  spec = Notebook();
  spec.loss = Loss::kCrossEntropy;
  EXPECT_EQ(ReasonOf(Validate(spec)), "CROSS_ENTROPY_NEEDS_SOFTMAX");
}

TEST(Parameters, UniformWeightsFillTheirRangeAndBiasesAreZero) {
  const auto parameters = DrawParameters<double>(Notebook());
  for (int layer = 0; layer < 3; ++layer) {
    const auto [least, most] = std::ranges::minmax_element(parameters.weights(layer));
    // high - (high - low) U: above -0.5, and 0.5 itself is possible.
    EXPECT_GT(*least, -0.5);
    EXPECT_LE(*most, 0.5);
    EXPECT_LT(*least, -0.49);
    EXPECT_GT(*most, 0.49);
    for (const double bias : parameters.biases(layer)) EXPECT_EQ(bias, 0);
  }
}

TEST(Parameters, SinglesAreTheDoublesRounded) {
  for (const Initializer& initializer :
       {Initializer(UniformInitializer{}), Initializer(XavierInitializer{}),
        Initializer(HeInitializer{}), Initializer(ZerosInitializer{})}) {
    NetworkSpec spec = Notebook();
    spec.layers = {{17}, {3}};
    spec.initializer = initializer;
    const auto doubles = DrawParameters<double>(spec);
    const auto singles = DrawParameters<float>(spec);
    for (std::size_t i = 0; i < doubles.values().size(); ++i) {
      ASSERT_EQ(singles.values()[i], static_cast<float>(doubles.values()[i]));
    }
  }
}

TEST(Parameters, HeWeightsHaveTheirDeviation) {
  NetworkSpec spec = Notebook();
  spec.initializer = HeInitializer{};
  const auto parameters = DrawParameters<double>(spec);
  double squares = 0;
  for (const double w : parameters.weights(0)) squares += w * w;
  EXPECT_NEAR(std::sqrt(squares / (784 * 500)), std::sqrt(2.0 / 784), 1e-3);
}

TEST(Parameters, TheSeedDecides) {
  NetworkSpec spec = Notebook();
  const std::string digest = DigestOf(DrawParameters<float>(spec));
  EXPECT_EQ(digest.size(), 64);
  EXPECT_EQ(DigestOf(DrawParameters<float>(spec)), digest);
  spec.seed = 1;
  EXPECT_NE(DigestOf(DrawParameters<float>(spec)), digest);
}

TEST(Parameters, DigestIsOfTheBytesInOrder) {
  NetworkSpec spec;
  spec.inputs = 1;
  spec.layers = {{1}};
  Parameters<float> parameters(spec);
  // Eight zero bytes.
  EXPECT_EQ(DigestOf(parameters),
            "af5570f5a1810b7af78caf4bc70a660f0df51e42baf91d4de5b2328de0e83dfc");
}

TEST(PackedNetwork, CopiesThereAndBack) {
  for (const bool bias : {true, false}) {
    NetworkSpec spec;
    spec.inputs = 3;
    spec.layers = {{17}, {1}, {5}};
    spec.bias = bias;
    Parameters<float> parameters(spec);
    for (std::size_t i = 0; i < parameters.values().size(); ++i) {
      parameters.values()[i] = static_cast<float>(i + 1);
    }
    Parameters<float> copy(spec);
    PackedNetwork<float>(spec, parameters).CopyTo(copy);
    EXPECT_TRUE(std::ranges::equal(copy.values(), parameters.values()));
  }
}

}  // namespace
}  // namespace trainyard

#include "client/cli/options.h"

#include <gmock/gmock.h>

namespace trainyard::client {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

v1::NetworkSpec SpecOf(int layers) {
  v1::NetworkSpec spec;
  for (int i = 0; i < layers; ++i) spec.add_layers()->set_units(3);
  return spec;
}

std::vector<int> ActivationsOf(const v1::NetworkSpec& spec) {
  std::vector<int> activations;
  for (const auto& layer : spec.layers()) activations.push_back(layer.activation());
  return activations;
}

TEST(Layers, AreUnitsOfEveryLayer) {
  EXPECT_THAT(*ParseLayers("784,500,200,10"), ElementsAre(784, 500, 200, 10));
  for (const char* wrong : {"", "784", "784,", "784,x", "784,0", "784,-3"}) {
    EXPECT_FALSE(ParseLayers(wrong).ok()) << wrong;
  }
}

TEST(Activations, OneIsForTheHiddenLayers) {
  v1::NetworkSpec spec = SpecOf(3);
  ASSERT_TRUE(ApplyActivations("relu", &spec).ok());
  EXPECT_THAT(ActivationsOf(spec), ElementsAre(v1::RELU, v1::RELU, v1::ACTIVATION_UNSPECIFIED));
}

TEST(Activations, OneIsForTheOnlyLayer) {
  v1::NetworkSpec spec = SpecOf(1);
  ASSERT_TRUE(ApplyActivations("tanh", &spec).ok());
  EXPECT_THAT(ActivationsOf(spec), ElementsAre(v1::TANH));
}

TEST(Activations, OneForEach) {
  v1::NetworkSpec spec = SpecOf(2);
  ASSERT_TRUE(ApplyActivations("relu,softmax", &spec).ok());
  EXPECT_THAT(ActivationsOf(spec), ElementsAre(v1::RELU, v1::SOFTMAX));
}

TEST(Activations, AWrongCountNamesBothNumbers) {
  v1::NetworkSpec spec = SpecOf(3);
  const absl::Status status = ApplyActivations("relu,relu", &spec);
  EXPECT_THAT(std::string(status.message()), HasSubstr("2 given for 3 layers"));
}

TEST(Initializers, AllKinds) {
  const v1::Initializer uniform = *ParseInitializer("uniform:-0.25:0.75");
  EXPECT_EQ(uniform.uniform().low(), -0.25);
  EXPECT_EQ(uniform.uniform().high(), 0.75);
  EXPECT_TRUE(ParseInitializer("xavier")->has_xavier());
  EXPECT_TRUE(ParseInitializer("he")->has_he());
  EXPECT_TRUE(ParseInitializer("zeros")->has_zeros());
  for (const char* wrong : {"", "uniform", "uniform:1", "uniform:a:b", "he:1"}) {
    EXPECT_FALSE(ParseInitializer(wrong).ok()) << wrong;
  }
  EXPECT_EQ(InitializerWords(uniform), "uniform:-0.25:0.75");
}

TEST(Rows, AreLinesOfNumbers) {
  EXPECT_THAT(*ParseRows("1,2.5\n\n-3, 4\r\n"),
              ElementsAre(ElementsAre(1.0f, 2.5f), ElementsAre(-3.0f, 4.0f)));
  const auto wrong = ParseRows("1,2\n1,x\n");
  EXPECT_THAT(std::string(wrong.status().message()), HasSubstr("line 2, column 2"));
  EXPECT_FALSE(ParseRows("\n").ok());
}

}  // namespace
}  // namespace trainyard::client

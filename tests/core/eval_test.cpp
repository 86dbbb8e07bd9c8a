#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <stop_token>

#include "core/eval/evaluation.h"
#include "core/kernels/reference.h"
#include "tests/support/random_data.h"

namespace trainyard {
namespace {

using ::testing::ElementsAre;

// Outputs are the inputs.
NetworkSpec Identity(int size) {
  NetworkSpec network;
  network.inputs = size;
  network.layers = {{size, Activation::kLinear}};
  return network;
}

Parameters<float> IdentityWeights(const NetworkSpec& network) {
  Parameters<float> parameters(network);
  for (int i = 0; i < network.inputs; ++i) {
    parameters.weights(0)[static_cast<std::size_t>(i * network.inputs + i)] = 1;
  }
  return parameters;
}

TEST(Evaluate, CountsAndNamesTheMisclassified) {
  const NetworkSpec network = Identity(3);
  // Predicted 0, 1, 2, 2 for labels 0, 1, 2, 1: class counts need not agree.
  const Dataset dataset =
      testing::MakeDataset({3, {1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 2}, {}}, {0, 1, 2, 1});
  const EvaluationResult result = *Evaluate(network, IdentityWeights(network), Scaling{}, dataset);
  EXPECT_EQ(result.rows, 4);
  EXPECT_EQ(result.accuracy, 0.75);
  EXPECT_EQ(result.cost, 5);
  EXPECT_THAT(result.confusion.counts, ElementsAre(1, 0, 0, 0, 1, 1, 0, 0, 1));
  ASSERT_EQ(result.misclassified.size(), 1);
  EXPECT_EQ(result.misclassified[0].row, 3);
  EXPECT_EQ(result.misclassified[0].label, 1);
  EXPECT_EQ(result.misclassified[0].predicted, 2);
  EXPECT_FALSE(result.regression.has_value());
}

TEST(Evaluate, TheMatrixHasTheNetworksSizeThoughClassesLack) {
  const NetworkSpec network = Identity(4);
  const Dataset dataset = testing::MakeDataset({4, {1, 0, 0, 0}, {}}, {0});
  EXPECT_EQ(Evaluate(network, IdentityWeights(network), Scaling{}, dataset)->confusion.size, 4);
}

TEST(Evaluate, AgreesWithTheReferenceOverManyBatches) {
  NetworkSpec network;
  network.inputs = 19;
  network.layers = {{17, Activation::kTanh}, {3, Activation::kSoftmax}};
  network.loss = Loss::kCrossEntropy;
  const auto parameters = DrawParameters<double>(network);
  const Dataset dataset =
      testing::MakeDataset(testing::RandomRows(777, 19), testing::RandomLabels(777, 3));
  double cost = 0;
  std::int64_t correct = 0;
  for (std::int64_t row = 0; row < dataset.rows(); ++row) {
    const auto raw = dataset.FloatsOf(row);
    const std::vector<double> x(raw.begin(), raw.end());
    std::vector<double> t(3);
    const std::int32_t label = dataset.labels()[static_cast<std::size_t>(row)];
    t[static_cast<std::size_t>(label)] = 1;
    cost += ReferenceLoss<double>(network, parameters, x, t);
    const std::vector<double> y = ReferenceForward<double>(network, parameters, x);
    correct += PredictedClass<double>(network, y) == label ? 1 : 0;
  }
  const EvaluationResult result = *Evaluate(network, parameters, Scaling{}, dataset);
  EXPECT_NEAR(result.cost, cost, 1e-9);
  EXPECT_DOUBLE_EQ(*result.accuracy, static_cast<double>(correct) / 777);
  EXPECT_EQ(std::accumulate(result.confusion.counts.begin(), result.confusion.counts.end(), 0),
            777);
}

TEST(Evaluate, RegressionMetricsAreAboutEachTargetsMean) {
  const NetworkSpec network = Identity(2);
  const Dataset dataset =
      testing::MakeRegressionDataset({2, {1, 10, 2, 20, 3, 30}, {}}, 2, {1, 10, 2, 20, 3, 33});
  const EvaluationResult result = *Evaluate(network, IdentityWeights(network), Scaling{}, dataset);
  ASSERT_TRUE(result.regression.has_value());
  EXPECT_FALSE(result.accuracy.has_value());
  EXPECT_DOUBLE_EQ(result.cost, 9);
  EXPECT_DOUBLE_EQ(result.regression->mean_absolute_error, 0.5);
  EXPECT_DOUBLE_EQ(result.regression->root_mean_squared_error, std::sqrt(9.0 / 6));
  EXPECT_DOUBLE_EQ(*result.regression->r_squared, 1 - 9.0 / (2 + 266));
}

TEST(Evaluate, RSquaredIsUnsetWhereTargetsNeverVary) {
  const NetworkSpec network = Identity(1);
  const Dataset dataset = testing::MakeRegressionDataset({1, {1, 2}, {}}, 1, {5, 5});
  const EvaluationResult result = *Evaluate(network, IdentityWeights(network), Scaling{}, dataset);
  EXPECT_FALSE(result.regression->r_squared.has_value());
}

TEST(Evaluate, GivesNothingOnceItIsStopped) {
  const NetworkSpec network = Identity(2);
  const Dataset classes = testing::MakeDataset({2, {1, 0, 0, 1}, {}}, {0, 1});
  const Dataset targets = testing::MakeRegressionDataset({2, {1, 0}, {}}, 2, {1, 0});
  std::stop_source stop;
  stop.request_stop();
  for (const Dataset* dataset : {&classes, &targets}) {
    EXPECT_FALSE(
        Evaluate(network, IdentityWeights(network), Scaling{}, *dataset, 1, stop.get_token()));
  }
}

TEST(MetricsOf, RatiosOverNothingAreZero) {
  const ConfusionMatrix confusion{3, {3, 1, 0, 2, 2, 0, 0, 0, 0}};
  const std::vector<ClassMetrics> metrics = MetricsOf(confusion);
  EXPECT_EQ(metrics[0].support, 4);
  EXPECT_DOUBLE_EQ(metrics[0].precision, 0.6);
  EXPECT_DOUBLE_EQ(metrics[0].recall, 0.75);
  EXPECT_DOUBLE_EQ(metrics[0].f1, 2 * 0.6 * 0.75 / (0.6 + 0.75));
  EXPECT_EQ(metrics[2].support, 0);
  EXPECT_EQ(metrics[2].precision, 0);
  EXPECT_EQ(metrics[2].recall, 0);
  EXPECT_EQ(metrics[2].f1, 0);
}

TEST(PredictedClass, OneOutputHasAThreshold) {
  NetworkSpec network;
  network.inputs = 1;
  network.layers = {{1, Activation::kSigmoid}};
  const auto predicted = [&](float y) {
    return PredictedClass<float>(network, std::span<const float>(&y, 1));
  };
  EXPECT_EQ(ClassesOf(network), 2);
  EXPECT_EQ(predicted(0.5F), 0);
  EXPECT_EQ(predicted(0.51F), 1);
  network.layers[0].activation = Activation::kTanh;
  EXPECT_EQ(predicted(0.0F), 0);
  EXPECT_EQ(predicted(0.1F), 1);
  EXPECT_EQ(predicted(-0.1F), 0);
}

TEST(Forward, RunsTheStepAndScalesItsInput) {
  NetworkSpec network;
  network.inputs = 1;
  network.layers = {{2, Activation::kStep}};
  Parameters<float> parameters(network);
  parameters.weights(0)[0] = 1;
  parameters.weights(0)[1] = -1;
  parameters.biases(0)[0] = -0.5;
  parameters.biases(0)[1] = 0.5;
  const Scaling scaling{ScalingKind::kDivideBy255, {}, {}};
  const std::vector<float> raw = {0, 127, 128, 255};
  EXPECT_THAT(Forward(network, parameters, scaling, raw, 4), ElementsAre(0, 1, 0, 1, 1, 0, 1, 0));
}

TEST(FitScaling, StandardisesEachFeature) {
  const Dataset dataset = testing::MakeDataset({2, {1, 7, 3, 7, 5, 7}, {}}, {0, 0, 1});
  const Scaling scaling = FitScaling(ScalingKind::kStandard, dataset);
  EXPECT_THAT(scaling.offset, ElementsAre(3, 7));
  EXPECT_DOUBLE_EQ(scaling.factor[0], 1 / std::sqrt(8.0 / 3));
  EXPECT_EQ(scaling.factor[1], 1);
  const NetworkSpec network = Identity(2);
  const std::vector<float> raw = {3, 7, 5, 8};
  const std::vector<float> y = Forward(network, IdentityWeights(network), scaling, raw, 2);
  EXPECT_EQ(y[0], 0);
  EXPECT_EQ(y[1], 0);
  EXPECT_FLOAT_EQ(y[2], static_cast<float>(std::sqrt(1.5)));
  EXPECT_EQ(y[3], 1);
}

TEST(FitScaling, OthersNeedNothingOfTheData) {
  const Dataset dataset = testing::MakeDataset({1, {1}, {}}, {0});
  EXPECT_TRUE(FitScaling(ScalingKind::kNone, dataset).offset.empty());
  EXPECT_TRUE(FitScaling(ScalingKind::kDivideBy255, dataset).factor.empty());
}

TEST(Evaluate, BytesAndFloatsOfTheSameValuesGiveTheSame) {
  std::vector<std::uint8_t> bytes;
  std::vector<float> floats;
  for (int i = 0; i < 19 * 50; ++i) {
    bytes.push_back(static_cast<std::uint8_t>(i % 5 == 0 ? i % 256 : 0));
    floats.push_back(static_cast<float>(bytes.back()));
  }
  const std::vector<std::int32_t> labels = testing::RandomLabels(50, 3);
  NetworkSpec network;
  network.inputs = 19;
  network.layers = {{3}};
  const auto parameters = DrawParameters<float>(network);
  const Dataset of_bytes = testing::MakeDataset({19, {}, bytes}, labels);
  const Dataset of_floats = testing::MakeDataset({19, floats, {}}, labels);
  for (const ScalingKind kind :
       {ScalingKind::kNone, ScalingKind::kDivideBy255, ScalingKind::kStandard}) {
    const Scaling scaling = FitScaling(kind, of_bytes);
    EXPECT_EQ(Evaluate(network, parameters, scaling, of_bytes)->cost,
              Evaluate(network, parameters, scaling, of_floats)->cost);
  }
}

}  // namespace
}  // namespace trainyard

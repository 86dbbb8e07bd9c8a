#include "core/kernels/reference.h"

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

namespace trainyard {
namespace {

template <typename T>
using Column = Eigen::Matrix<T, Eigen::Dynamic, 1>;
template <typename T>
using RowMajor = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

template <typename T>
Eigen::Map<const RowMajor<T>> WeightsOf(const Parameters<T>& parameters, int layer) {
  const LayerShape& shape = parameters.shape(layer);
  return {parameters.weights(layer).data(), shape.inputs, shape.units};
}

// u of GELU, n (1 + tanh u) / 2.
template <typename T>
T GeluArgument(T n) {
  return static_cast<T>(std::sqrt(2 / std::numbers::pi)) *
         (n + static_cast<T>(0.044715) * n * n * n);
}

template <typename T>
T GeluDerivative(T n) {
  const T t = std::tanh(GeluArgument(n));
  const T slope =
      static_cast<T>(std::sqrt(2 / std::numbers::pi)) * (1 + 3 * static_cast<T>(0.044715) * n * n);
  return (1 + t + n * (1 - t * t) * slope) / 2;
}

template <typename T>
Column<T> Apply(Activation activation, const Column<T>& n) {
  switch (activation) {
    case Activation::kSigmoid:
      return n.unaryExpr([](T x) { return 1 / (1 + std::exp(-x)); });
    case Activation::kRelu:
      return n.cwiseMax(T{0});
    case Activation::kTanh:
      return n.unaryExpr([](T x) { return std::tanh(x); });
    case Activation::kStep:
      return n.unaryExpr([](T x) { return x >= 0 ? T{1} : T{0}; });
    case Activation::kLeakyRelu:
      return n.unaryExpr([](T x) { return x > 0 ? x : static_cast<T>(kLeakySlope) * x; });
    case Activation::kGelu:
      return n.unaryExpr([](T x) { return x * (1 + std::tanh(GeluArgument(x))) / 2; });
    case Activation::kSoftplus:
      return n.unaryExpr(
          [](T x) { return std::max(x, T{0}) + std::log1p(std::exp(-std::abs(x))); });
    case Activation::kSoftmax: {
      const Column<T> powers = (n.array() - n.maxCoeff()).exp().matrix();
      return powers / powers.sum();
    }
    case Activation::kLinear:
      return n;
  }
  return n;
}

// The diagonal of A, from n and a = sigma(n); softmax counts with its loss.
template <typename T>
Column<T> Derivative(Activation activation, const Column<T>& n, const Column<T>& a) {
  switch (activation) {
    case Activation::kSigmoid:
      return a.unaryExpr([](T y) { return y * (1 - y); });
    case Activation::kTanh:
      return a.unaryExpr([](T y) { return 1 - y * y; });
    case Activation::kRelu:
      return a.unaryExpr([](T y) { return y > 0 ? T{1} : T{0}; });
    case Activation::kStep:
      return Column<T>::Zero(a.size());
    case Activation::kLeakyRelu:
      return n.unaryExpr([](T x) { return x > 0 ? T{1} : static_cast<T>(kLeakySlope); });
    case Activation::kGelu:
      return n.unaryExpr([](T x) { return GeluDerivative(x); });
    case Activation::kSoftplus:
      return n.unaryExpr([](T x) { return 1 / (1 + std::exp(-x)); });
    case Activation::kSoftmax:
    case Activation::kLinear:
      return Column<T>::Ones(a.size());
  }
  return a;
}

// a_0, a_1, ..., a_L, and n_1, ..., n_L at the same places (n_0 is empty).
template <typename T>
struct ForwardValues {
  std::vector<Column<T>> a;
  std::vector<Column<T>> n;
};

template <typename T>
ForwardValues<T> Forward(const NetworkSpec& network, const Parameters<T>& parameters,
                         std::span<const T> input) {
  ForwardValues<T> values;
  values.a = {Eigen::Map<const Column<T>>(input.data(), static_cast<Eigen::Index>(input.size()))};
  values.n.resize(1);
  for (int layer = 0; layer < parameters.layer_count(); ++layer) {
    Column<T> n = WeightsOf(parameters, layer).transpose() * values.a.back();
    const std::span<const T> biases = parameters.biases(layer);
    if (!biases.empty()) n += Eigen::Map<const Column<T>>(biases.data(), n.size());
    values.a.push_back(Apply(network.layers[static_cast<std::size_t>(layer)].activation, n));
    values.n.push_back(std::move(n));
  }
  return values;
}

}  // namespace

template <typename T>
std::vector<T> ReferenceForward(const NetworkSpec& network, const Parameters<T>& parameters,
                                std::span<const T> input) {
  const Column<T> y = Forward(network, parameters, input).a.back();
  return {y.data(), y.data() + y.size()};
}

template <typename T>
T ReferenceLoss(const NetworkSpec& network, const Parameters<T>& parameters,
                std::span<const T> input, std::span<const T> target) {
  const std::vector<T> y = ReferenceForward(network, parameters, input);
  T loss = 0;
  for (std::size_t i = 0; i < y.size(); ++i) {
    if (network.loss == Loss::kTotalSquaredError) {
      loss += (target[i] - y[i]) * (target[i] - y[i]);
    } else if (target[i] != 0) {
      loss -= target[i] * std::log(y[i]);
    }
  }
  return loss;
}

template <typename T>
Parameters<T> ReferenceGradient(const NetworkSpec& network, const Parameters<T>& parameters,
                                std::span<const T> input, std::span<const T> target) {
  const ForwardValues<T> forward = Forward(network, parameters, input);
  const std::vector<Column<T>>& a = forward.a;
  const Eigen::Map<const Column<T>> t(target.data(), static_cast<Eigen::Index>(target.size()));
  Parameters<T> gradient(network);
  Column<T> s = network.loss == Loss::kTotalSquaredError ? Column<T>(T{-2} * (t - a.back()))
                                                         : Column<T>(a.back() * t.sum() - t);
  for (int layer = parameters.layer_count() - 1; layer >= 0; --layer) {
    const auto index = static_cast<std::size_t>(layer);
    s = s.cwiseProduct(
             Derivative(network.layers[index].activation, forward.n[index + 1], a[index + 1]))
            .eval();
    const LayerShape& shape = parameters.shape(layer);
    Eigen::Map<RowMajor<T>>(gradient.weights(layer).data(), shape.inputs, shape.units) =
        a[index] * s.transpose();
    const std::span<T> biases = gradient.biases(layer);
    if (!biases.empty()) Eigen::Map<Column<T>>(biases.data(), s.size()) = s;
    s = (WeightsOf(parameters, layer) * s).eval();
  }
  return gradient;
}

template std::vector<float> ReferenceForward(const NetworkSpec&, const Parameters<float>&,
                                             std::span<const float>);
template std::vector<double> ReferenceForward(const NetworkSpec&, const Parameters<double>&,
                                              std::span<const double>);
template float ReferenceLoss(const NetworkSpec&, const Parameters<float>&, std::span<const float>,
                             std::span<const float>);
template double ReferenceLoss(const NetworkSpec&, const Parameters<double>&,
                              std::span<const double>, std::span<const double>);
template Parameters<float> ReferenceGradient(const NetworkSpec&, const Parameters<float>&,
                                             std::span<const float>, std::span<const float>);
template Parameters<double> ReferenceGradient(const NetworkSpec&, const Parameters<double>&,
                                              std::span<const double>, std::span<const double>);

}  // namespace trainyard

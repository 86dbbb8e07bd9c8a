#include "core/kernels/reference.h"

#include <Eigen/Core>
#include <cmath>

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
    case Activation::kSoftmax: {
      const Column<T> powers = (n.array() - n.maxCoeff()).exp().matrix();
      return powers / powers.sum();
    }
    case Activation::kLinear:
      return n;
  }
  return n;
}

// The diagonal of A, from a = sigma(n); softmax counts with its loss.
template <typename T>
Column<T> Derivative(Activation activation, const Column<T>& a) {
  switch (activation) {
    case Activation::kSigmoid:
      return a.unaryExpr([](T y) { return y * (1 - y); });
    case Activation::kTanh:
      return a.unaryExpr([](T y) { return 1 - y * y; });
    case Activation::kRelu:
      return a.unaryExpr([](T y) { return y > 0 ? T{1} : T{0}; });
    case Activation::kStep:
      return Column<T>::Zero(a.size());
    case Activation::kSoftmax:
    case Activation::kLinear:
      return Column<T>::Ones(a.size());
  }
  return a;
}

// a_0, a_1, ..., a_L.
template <typename T>
std::vector<Column<T>> Activations(const NetworkSpec& network, const Parameters<T>& parameters,
                                   std::span<const T> input) {
  std::vector<Column<T>> activations = {
      Eigen::Map<const Column<T>>(input.data(), static_cast<Eigen::Index>(input.size()))};
  for (int layer = 0; layer < parameters.layer_count(); ++layer) {
    Column<T> n = WeightsOf(parameters, layer).transpose() * activations.back();
    const std::span<const T> biases = parameters.biases(layer);
    if (!biases.empty()) n += Eigen::Map<const Column<T>>(biases.data(), n.size());
    activations.push_back(Apply(network.layers[static_cast<std::size_t>(layer)].activation, n));
  }
  return activations;
}

}  // namespace

template <typename T>
std::vector<T> ReferenceForward(const NetworkSpec& network, const Parameters<T>& parameters,
                                std::span<const T> input) {
  const Column<T> y = Activations(network, parameters, input).back();
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
  const std::vector<Column<T>> a = Activations(network, parameters, input);
  const Eigen::Map<const Column<T>> t(target.data(), static_cast<Eigen::Index>(target.size()));
  Parameters<T> gradient(network);
  Column<T> s = network.loss == Loss::kTotalSquaredError ? Column<T>(T{-2} * (t - a.back()))
                                                         : Column<T>(a.back() * t.sum() - t);
  for (int layer = parameters.layer_count() - 1; layer >= 0; --layer) {
    const auto index = static_cast<std::size_t>(layer);
    s = s.cwiseProduct(Derivative(network.layers[index].activation, a[index + 1])).eval();
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

// Architecture of a feed-forward network, its shapes, and its parameters.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "core/nn/activation.h"

namespace trainyard {

enum class Loss { kTotalSquaredError, kCrossEntropy };

struct LayerSpec {
  int units = 0;
  Activation activation = Activation::kSigmoid;
};

// high - (high - low) U, U uniform in [0, 1): 0.5 - U for the notebook's.
struct UniformInitializer {
  double low = -0.5;
  double high = 0.5;
};
// Uniform within +-sqrt(6 / (inputs + units)) (Glorot and Bengio, 2010).
struct XavierInitializer {};
// Normal, deviation sqrt(2 / inputs) (He et al., 2015).
struct HeInitializer {};
struct ZerosInitializer {};
// Weights and biases of the user's own: W_1, b_1, W_2, b_2, ..., each row-major.
struct GivenInitializer {
  // ParameterCount of them, or null in a description that leaves them out.
  std::shared_ptr<const std::vector<double>> values;
  // SHA-256 over them as little-endian float64.
  std::string digest;
};
using Initializer = std::variant<UniformInitializer, XavierInitializer, HeInitializer,
                                 ZerosInitializer, GivenInitializer>;

struct NetworkSpec {
  int inputs = 0;
  // Every layer after the input.
  std::vector<LayerSpec> layers;
  bool bias = true;
  Initializer initializer = UniformInitializer{};
  std::uint64_t seed = 0;
  Loss loss = Loss::kTotalSquaredError;

  int outputs() const { return layers.empty() ? 0 : layers.back().units; }
};

// Whether the spec is a network: field paths in errors are those of the public
// NetworkSpec message ("input_count", "layers[2].units", "initializer.uniform").
absl::Status Validate(const NetworkSpec& spec);

// Whether it can be trained (no step activation, softmax with cross entropy
// only, ...).
absl::Status ValidateTrainable(const NetworkSpec& spec);

// Shape of one layer: W is inputs x units, row-major; b has `biases` entries.
struct LayerShape {
  int inputs = 0;
  int units = 0;
  int biases = 0;
  std::int64_t parameters() const { return std::int64_t{inputs} * units + biases; }
};

std::vector<LayerShape> ShapesOf(const NetworkSpec& spec);
std::int64_t ParameterCount(const NetworkSpec& spec);

}  // namespace trainyard

#include "core/nn/network.h"

#include <cmath>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "core/base/error.h"

namespace trainyard {
namespace {

constexpr int kMaxUnits = 65536;
// As many features as a dataset may have.
constexpr int kMaxInputs = 1 << 20;
constexpr std::size_t kMaxLayers = 64;
constexpr std::int64_t kMaxParameters = 100'000'000;

absl::Status ValidateUnits(const std::string& field, int units, int most) {
  if (units >= 1 && units <= most) return absl::OkStatus();
  return FieldError(field, "UNITS_OUT_OF_RANGE",
                    absl::StrCat(field, " is ", units, "; it must be from 1 to ", most));
}

std::string LayerField(std::size_t layer, const char* field) {
  return absl::StrCat("layers[", layer, "].", field);
}

absl::Status ValidateGiven(const GivenInitializer& given, std::int64_t count) {
  if (given.values == nullptr) return absl::OkStatus();
  if (static_cast<std::int64_t>(given.values->size()) != count) {
    return FieldError("initializer.weights", "WEIGHT_COUNT_MISMATCH",
                      absl::StrCat("initializer.weights has ", given.values->size(),
                                   " values and the network has ", count, " parameters"));
  }
  for (std::size_t i = 0; i < given.values->size(); ++i) {
    if (std::isfinite((*given.values)[i])) continue;
    return FieldError("initializer.weights", "WEIGHT_NOT_FINITE",
                      absl::StrCat("value ", i, " of initializer.weights is ", (*given.values)[i],
                                   "; all must be finite numbers"));
  }
  return absl::OkStatus();
}

absl::Status ValidateInitializer(const Initializer& initializer, std::int64_t count) {
  if (const auto* given = std::get_if<GivenInitializer>(&initializer)) {
    return ValidateGiven(*given, count);
  }
  const auto* const uniform = std::get_if<UniformInitializer>(&initializer);
  if (uniform == nullptr) return absl::OkStatus();
  if (std::isfinite(uniform->low) && std::isfinite(uniform->high) && uniform->low < uniform->high &&
      std::isfinite(uniform->high - uniform->low)) {
    return absl::OkStatus();
  }
  return FieldError("initializer.uniform", "INITIALIZER_RANGE_INVALID",
                    absl::StrCat("initializer.uniform draws from ", uniform->low, " to ",
                                 uniform->high, "; low must be below high, both finite"));
}

absl::Status ValidateOutputActivation(const NetworkSpec& spec) {
  const std::size_t last = spec.layers.size() - 1;
  for (std::size_t layer = 0; layer < last; ++layer) {
    if (spec.layers[layer].activation != Activation::kSoftmax) continue;
    return FieldError(LayerField(layer, "activation"), "SOFTMAX_NOT_OUTPUT",
                      absl::StrCat("layer ", layer + 1, " of ", last + 1,
                                   " has softmax, which only the output layer may have"));
  }
  const Activation output = spec.layers[last].activation;
  if (spec.loss != Loss::kCrossEntropy || output == Activation::kSoftmax) return absl::OkStatus();
  return FieldError(
      "loss", "CROSS_ENTROPY_NEEDS_SOFTMAX",
      absl::StrCat("cross entropy needs a softmax output layer, but the output is ",
                   std::string(NameOf(output)), "; use softmax, or total squared error"));
}

}  // namespace

absl::Status Validate(const NetworkSpec& spec) {
  if (absl::Status s = ValidateUnits("input_count", spec.inputs, kMaxInputs); !s.ok()) return s;
  if (spec.layers.empty() || spec.layers.size() > kMaxLayers) {
    return FieldError("layers", "LAYER_COUNT_OUT_OF_RANGE",
                      absl::StrCat("the network has ", spec.layers.size(),
                                   " layers after the input; it must have from 1 to ", kMaxLayers));
  }
  for (std::size_t layer = 0; layer < spec.layers.size(); ++layer) {
    absl::Status s = ValidateUnits(LayerField(layer, "units"), spec.layers[layer].units, kMaxUnits);
    if (!s.ok()) return s;
  }
  if (const std::int64_t count = ParameterCount(spec); count > kMaxParameters) {
    return FieldError("layers", "TOO_MANY_PARAMETERS",
                      absl::StrCat("the network has ", count, " parameters; at most ",
                                   kMaxParameters, " are allowed, so use fewer units"));
  }
  if (absl::Status s = ValidateInitializer(spec.initializer, ParameterCount(spec)); !s.ok())
    return s;
  return ValidateOutputActivation(spec);
}

absl::Status ValidateTrainable(const NetworkSpec& spec) {
  if (absl::Status s = Validate(spec); !s.ok()) return s;
  for (std::size_t layer = 0; layer < spec.layers.size(); ++layer) {
    if (spec.layers[layer].activation != Activation::kStep) continue;
    return FieldError(LayerField(layer, "activation"), "STEP_NOT_TRAINABLE",
                      absl::StrCat("layer ", layer + 1,
                                   " has the step activation, whose derivative is zero "
                                   "everywhere, so no gradient reaches the weights; use sigmoid, "
                                   "or 0 epochs to see its forward pass"));
  }
  const LayerSpec& output = spec.layers.back();
  if (output.activation != Activation::kSoftmax) return absl::OkStatus();
  if (spec.loss != Loss::kCrossEntropy) {
    return FieldError("loss", "SOFTMAX_NEEDS_CROSS_ENTROPY",
                      "a softmax output layer is trained with cross entropy only; choose cross "
                      "entropy, or another activation for the output");
  }
  if (output.units >= 2) return absl::OkStatus();
  return FieldError(LayerField(spec.layers.size() - 1, "units"), "SOFTMAX_NEEDS_TWO_UNITS",
                    "softmax over one unit is always 1 and cannot be trained; use two units, or "
                    "one sigmoid unit with total squared error");
}

std::vector<LayerShape> ShapesOf(const NetworkSpec& spec) {
  std::vector<LayerShape> shapes;
  shapes.reserve(spec.layers.size());
  int inputs = spec.inputs;
  for (const LayerSpec& layer : spec.layers) {
    shapes.push_back({inputs, layer.units, spec.bias ? layer.units : 0});
    inputs = layer.units;
  }
  return shapes;
}

std::int64_t ParameterCount(const NetworkSpec& spec) {
  std::int64_t count = 0;
  for (const LayerShape& shape : ShapesOf(spec)) count += shape.parameters();
  return count;
}

}  // namespace trainyard

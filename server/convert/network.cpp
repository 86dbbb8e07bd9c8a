#include "server/convert/network.h"

#include <array>
#include <optional>
#include <utility>

#include "core/base/error.h"
#include "core/base/text.h"
#include "server/convert/given_weights.h"

namespace trainyard::server {
namespace {

constexpr char kPrefix[] = "network.spec.";

// One line an activation.
constexpr std::array<std::pair<v1::Activation, Activation>, 9> kActivations = {{
    {v1::SIGMOID, Activation::kSigmoid},
    {v1::RELU, Activation::kRelu},
    {v1::TANH, Activation::kTanh},
    {v1::LINEAR, Activation::kLinear},
    {v1::SOFTMAX, Activation::kSoftmax},
    {v1::STEP, Activation::kStep},
    {v1::LEAKY_RELU, Activation::kLeakyRelu},
    {v1::GELU, Activation::kGelu},
    {v1::SOFTPLUS, Activation::kSoftplus},
}};

std::optional<Activation> ToCore(v1::Activation message) {
  for (const auto& [ours, theirs] : kActivations) {
    if (ours == message) return theirs;
  }
  return std::nullopt;
}

v1::Activation ToProto(Activation activation) {
  for (const auto& [ours, theirs] : kActivations) {
    if (theirs == activation) return ours;
  }
  return v1::ACTIVATION_UNSPECIFIED;
}

// Hidden layers are sigmoid; so is the output, or softmax for cross entropy.
Activation DefaultActivation(bool output, Loss loss) {
  return output && loss == Loss::kCrossEntropy ? Activation::kSoftmax : Activation::kSigmoid;
}

absl::Status ToCoreLayers(const v1::NetworkSpec& message, NetworkSpec& spec) {
  for (int i = 0; i < message.layers_size(); ++i) {
    const v1::LayerSpec& layer = message.layers(i);
    std::optional<Activation> activation = ToCore(layer.activation());
    if (layer.activation() == v1::ACTIVATION_UNSPECIFIED) {
      activation = DefaultActivation(i + 1 == message.layers_size(), spec.loss);
    }
    if (!activation) {
      return FieldError(
          StrCat(kPrefix, "layers[", i, "].activation"), "UNKNOWN_VALUE",
          StrCat("layer ", i + 1, " has an activation that this server does not know"));
    }
    spec.layers.push_back({layer.units(), *activation});
  }
  return absl::OkStatus();
}

Initializer ToCore(const v1::Initializer& message) {
  switch (message.kind_case()) {
    case v1::Initializer::kXavier:
      return XavierInitializer{};
    case v1::Initializer::kHe:
      return HeInitializer{};
    case v1::Initializer::kZeros:
      return ZerosInitializer{};
    case v1::Initializer::kUniform:
      return UniformInitializer{message.uniform().low(), message.uniform().high()};
    case v1::Initializer::kWeights:
    case v1::Initializer::KIND_NOT_SET:
      break;
  }
  return UniformInitializer{};
}

v1::Initializer ToProto(const Initializer& initializer) {
  v1::Initializer message;
  if (const auto* uniform = std::get_if<UniformInitializer>(&initializer)) {
    message.mutable_uniform()->set_low(uniform->low);
    message.mutable_uniform()->set_high(uniform->high);
  } else if (std::holds_alternative<XavierInitializer>(initializer)) {
    message.mutable_xavier();
  } else if (std::holds_alternative<HeInitializer>(initializer)) {
    message.mutable_he();
  } else if (const auto* given = std::get_if<GivenInitializer>(&initializer)) {
    message.mutable_weights()->set_digest(given->digest);
  } else {
    message.mutable_zeros();
  }
  return message;
}

// Core names fields as the message does, from the spec on.
absl::Status WithPrefix(const absl::Status& status) {
  if (status.ok()) return status;
  ErrorDetails details = GetErrorDetails(status);
  if (!details.field.empty()) details.field = kPrefix + details.field;
  return MakeError(status.code(), std::move(details), std::string(status.message()));
}

}  // namespace

absl::StatusOr<NetworkSpec> ToCore(const v1::NetworkSpec& message) {
  NetworkSpec spec;
  switch (message.loss()) {
    case v1::LOSS_UNSPECIFIED:
    case v1::TOTAL_SQUARED_ERROR:
      spec.loss = Loss::kTotalSquaredError;
      break;
    case v1::CROSS_ENTROPY:
      spec.loss = Loss::kCrossEntropy;
      break;
    default:
      return FieldError(StrCat(kPrefix, "loss"), "UNKNOWN_VALUE",
                        "loss is one that this server does not know");
  }
  if (message.seed() < 0) {
    return FieldError(StrCat(kPrefix, "seed"), "NEGATIVE", "seed is negative");
  }
  spec.inputs = message.input_count();
  if (auto status = ToCoreLayers(message, spec); !status.ok()) return status;
  spec.bias = !message.has_bias() || message.bias();
  spec.initializer = ToCore(message.initializer());
  spec.seed = static_cast<std::uint64_t>(message.seed());
  if (message.initializer().has_weights()) {
    // Shapes first: they say how many weights there must be.
    spec.initializer = ZerosInitializer{};
    if (auto status = Validate(spec); !status.ok()) return WithPrefix(status);
    auto given = ToCore(message.initializer().weights(), spec);
    if (!given.ok()) return WithPrefix(given.status());
    spec.initializer = *std::move(given);
  }
  if (auto status = Validate(spec); !status.ok()) return WithPrefix(status);
  return spec;
}

v1::NetworkSpec ToProto(const NetworkSpec& spec) {
  v1::NetworkSpec message;
  message.set_input_count(spec.inputs);
  for (const LayerSpec& layer : spec.layers) {
    v1::LayerSpec& added = *message.add_layers();
    added.set_units(layer.units);
    added.set_activation(ToProto(layer.activation));
  }
  message.set_bias(spec.bias);
  *message.mutable_initializer() = ToProto(spec.initializer);
  message.set_seed(static_cast<std::int64_t>(spec.seed));
  message.set_loss(spec.loss == Loss::kCrossEntropy ? v1::CROSS_ENTROPY : v1::TOTAL_SQUARED_ERROR);
  return message;
}

v1::Network DescribeNetwork(const NetworkSpec& spec) {
  v1::Network network;
  *network.mutable_spec() = ToProto(spec);
  network.set_parameter_count(ParameterCount(spec));
  const auto shapes = ShapesOf(spec);
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    v1::LayerShape& shape = *network.add_layer_shapes();
    shape.set_input_count(shapes[i].inputs);
    shape.set_unit_count(shapes[i].units);
    shape.set_bias_count(shapes[i].biases);
    shape.set_parameter_count(shapes[i].parameters());
    shape.set_activation(ToProto(spec.layers[i].activation));
  }
  return network;
}

}  // namespace trainyard::server

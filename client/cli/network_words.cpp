#include "client/cli/network_words.h"

#include "client/cli/options.h"
#include "client/lib/weights_file.h"

namespace trainyard::client {

absl::StatusOr<v1::NetworkSpec> MakeNetworkSpec(const NetworkWords& words) {
  v1::NetworkSpec spec;
  const absl::StatusOr<std::vector<int>> units = ParseLayers(words.layers);
  if (!units.ok()) return units.status();
  spec.set_input_count(units->front());
  for (std::size_t i = 1; i < units->size(); ++i) spec.add_layers()->set_units((*units)[i]);
  if (absl::Status status = ApplyActivations(words.activation, &spec); !status.ok()) {
    return status;
  }
  if (!words.init.empty()) {
    const absl::StatusOr<v1::Initializer> initializer = ParseInitializer(words.init);
    if (!initializer.ok()) return initializer.status();
    *spec.mutable_initializer() = *initializer;
  }
  if (words.no_bias) spec.set_bias(false);
  if (!words.weights.empty()) {
    absl::StatusOr<v1::WeightsInitializer> weights = ReadWeights(words.weights, spec);
    if (!weights.ok()) return weights.status();
    *spec.mutable_initializer()->mutable_weights() = *std::move(weights);
  }
  spec.set_loss(ParseLoss(words.loss));
  spec.set_seed(words.seed);
  return spec;
}

}  // namespace trainyard::client

#include "core/train/training_state.h"

namespace trainyard {
namespace {

// np.random.rand(inputs, units) of each layer in order; biases draw nothing.
template <typename T>
void DrawAsNumpy(const UniformInitializer& uniform, Mt19937& generator, Parameters<T>& to) {
  for (int layer = 0; layer < to.layer_count(); ++layer) {
    for (T& weight : to.weights(layer)) {
      weight =
          static_cast<T>(uniform.high - (uniform.high - uniform.low) * generator.NextUniform());
    }
  }
}

}  // namespace

template <typename T>
TrainingState<T> InitialState(const NetworkSpec& network, const TrainingSpec& spec) {
  if (spec.rng == RandomGenerator::kPhilox) return TrainingState<T>(DrawParameters<T>(network));
  TrainingState<T> state{Parameters<T>(network)};
  Mt19937 generator(static_cast<std::uint32_t>(spec.seed));
  if (const auto* uniform = std::get_if<UniformInitializer>(&network.initializer)) {
    DrawAsNumpy(*uniform, generator, state.parameters);
  }
  state.generator = generator.state();
  return state;
}

template <typename T>
bool StoppedEarly(const TrainingSpec& spec, const TrainingState<T>& state) {
  return spec.early_stopping && state.best_epoch > 0 &&
         state.epochs_completed - state.best_epoch >= spec.early_stopping->patience;
}

template TrainingState<float> InitialState(const NetworkSpec&, const TrainingSpec&);
template TrainingState<double> InitialState(const NetworkSpec&, const TrainingSpec&);
template bool StoppedEarly(const TrainingSpec&, const TrainingState<float>&);
template bool StoppedEarly(const TrainingSpec&, const TrainingState<double>&);

}  // namespace trainyard

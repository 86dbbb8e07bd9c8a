#include "core/optim/adam.h"

#include <cmath>

#include "core/optim/share.h"
#include "core/rng/elementary.h"

namespace trainyard {
template <typename T>
void Adam<T>::Update(PackedNetwork<T>& network, const PackedNetwork<T>& gradient, double scale,
                     double rate, std::int64_t update, ThreadTeam& team) {
  const AdamSpec& adam = spec_.adam;
  AdamStep<T> step;
  step.scale = static_cast<T>(scale);
  step.rate = static_cast<T>(rate / (1 - IntegerPower(adam.beta1, update)));
  step.beta1 = static_cast<T>(adam.beta1);
  step.beta2 = static_cast<T>(adam.beta2);
  step.root_correction = static_cast<T>(1 / std::sqrt(1 - IntegerPower(adam.beta2, update)));
  step.epsilon = static_cast<T>(adam.epsilon);
  PackedNetwork<T>& mean = this->slots_[0];
  PackedNetwork<T>& square = this->slots_[1];
  for (int i = 0; i < network.layer_count(); ++i) {
    const PackedLayer<T>& layer = network.layer(i);
    const PackedLayer<T>& g = gradient.layer(i);
    step.keep = static_cast<T>(1 - rate * spec_.weight_decay);
    ShareOut<T>(team, layer.inputs * layer.stride, [&](std::int64_t first, std::int64_t count) {
      ActiveKernels<T>().adam_update(count, step, g.weights + first, layer.weights + first,
                                     mean.layer(i).weights + first,
                                     square.layer(i).weights + first);
    });
    step.keep = 1;
    ActiveKernels<T>().adam_update(layer.stride, step, g.biases, layer.biases, mean.layer(i).biases,
                                   square.layer(i).biases);
  }
}

template class Adam<float>;
template class Adam<double>;

}  // namespace trainyard

#include "core/optim/momentum.h"

#include "core/optim/share.h"

namespace trainyard {

template <typename T>
void Momentum<T>::Update(PackedNetwork<T>& network, const PackedNetwork<T>& gradient, double scale,
                         double rate, std::int64_t, ThreadTeam& team) {
  const MomentumStep<T> step = {static_cast<T>(scale), static_cast<T>(rate),
                                static_cast<T>(spec_.momentum), spec_.nesterov};
  T* const velocity = this->slots_[0].data();
  ShareOut<T>(team, network.element_count(), [&](std::int64_t first, std::int64_t count) {
    ActiveKernels<T>().momentum_update(count, step, gradient.data() + first, network.data() + first,
                                       velocity + first);
  });
}

template class Momentum<float>;
template class Momentum<double>;

}  // namespace trainyard

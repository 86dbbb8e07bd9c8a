#include "core/optim/momentum.h"

#include "core/kernels/kernels.h"

namespace trainyard {

template <typename T>
void Momentum<T>::Update(PackedNetwork<T>& network, const PackedNetwork<T>& gradient, double scale,
                         double rate, std::int64_t) {
  const MomentumStep<T> step = {static_cast<T>(scale), static_cast<T>(rate),
                                static_cast<T>(spec_.momentum), spec_.nesterov};
  ActiveKernels<T>().momentum_update(network.element_count(), step, gradient.data(), network.data(),
                                     this->slots_[0].data());
}

template class Momentum<float>;
template class Momentum<double>;

}  // namespace trainyard

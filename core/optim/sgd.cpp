#include "core/optim/sgd.h"

#include "core/optim/share.h"

namespace trainyard {

template <typename T>
void Sgd<T>::Update(PackedNetwork<T>& network, const PackedNetwork<T>& gradient, double scale,
                    double rate, std::int64_t, ThreadTeam& team) {
  ShareOut<T>(team, network.element_count(), [&](std::int64_t first, std::int64_t count) {
    ActiveKernels<T>().subtract_scaled(count, static_cast<T>(rate * scale), gradient.data() + first,
                                       network.data() + first);
  });
}

template class Sgd<float>;
template class Sgd<double>;

}  // namespace trainyard

#include "core/optim/sgd.h"

#include "core/kernels/kernels.h"

namespace trainyard {

template <typename T>
void Sgd<T>::Update(PackedNetwork<T>& network, const PackedNetwork<T>& gradient, double scale,
                    double rate, std::int64_t) {
  ActiveKernels<T>().subtract_scaled(network.element_count(), static_cast<T>(rate * scale),
                                     gradient.data(), network.data());
}

template class Sgd<float>;
template class Sgd<double>;

}  // namespace trainyard

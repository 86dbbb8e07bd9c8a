// Stochastic gradient descent: W <- W - rate g.
#pragma once

#include "core/optim/optimizer.h"

namespace trainyard {

template <typename T>
class Sgd final : public Optimizer<T> {
 public:
  Sgd(const SgdSpec&, const NetworkSpec& network) : Optimizer<T>(network, 0) {}
  void Update(PackedNetwork<T>& network, const PackedNetwork<T>& gradient, double scale,
              double rate, std::int64_t update, ThreadTeam& team) override;
};

}  // namespace trainyard

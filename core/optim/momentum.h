// Gradient descent with momentum (Polyak, 1964), and Nesterov's form of it as
// Sutskever et al. (2013) write it:
//
//   v <- momentum v + g, v = 0 to begin with
//   W <- W - rate v, or with Nesterov W <- W - rate (g + momentum v)
#pragma once

#include "core/optim/optimizer.h"

namespace trainyard {

template <typename T>
class Momentum final : public Optimizer<T> {
 public:
  Momentum(const MomentumSpec& spec, const NetworkSpec& network)
      : Optimizer<T>(network, 1), spec_(spec) {}
  void Update(PackedNetwork<T>& network, const PackedNetwork<T>& gradient, double scale,
              double rate, std::int64_t update, ThreadTeam& team) override;

 private:
  MomentumSpec spec_;
};

}  // namespace trainyard

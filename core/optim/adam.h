// Adam (Kingma and Ba, 2015), and AdamW (Loshchilov and Hutter, 2019), whose
// weight decay d is apart from the gradient; d = 0 is Adam. At update t:
//
//   m <- beta1 m + (1 - beta1) g, v <- beta2 v + (1 - beta2) g^2
//   m' = m / (1 - beta1^t), v' = v / (1 - beta2^t)
//   W <- (1 - rate d) W - rate m' / (sqrt(v') + epsilon)
//
// Biases do not decay.
#pragma once

#include "core/optim/optimizer.h"

namespace trainyard {

template <typename T>
class Adam final : public Optimizer<T> {
 public:
  Adam(const AdamSpec& spec, const NetworkSpec& network) : Adam({spec, 0}, network) {}
  Adam(const AdamWSpec& spec, const NetworkSpec& network) : Optimizer<T>(network, 2), spec_(spec) {}
  void Update(PackedNetwork<T>& network, const PackedNetwork<T>& gradient, double scale,
              double rate, std::int64_t update, ThreadTeam& team) override;

 private:
  AdamWSpec spec_;
};

}  // namespace trainyard

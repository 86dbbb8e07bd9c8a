// L1 and L2 penalties on the weights, not on the biases:
//
//   dF/dW <- reduced dF/dW + l1 sign(W) + l2 W
//
// the gradient of l1 |W| + l2 |W|^2 / 2. The cost that is reported leaves them
// out.
#pragma once

#include "absl/status/status.h"
#include "core/base/thread_team.h"
#include "core/nn/packed_network.h"

namespace trainyard {

struct PenaltySpec {
  double l1 = 0;
  double l2 = 0;
  bool any() const { return l1 != 0 || l2 != 0; }
};

// Fields in errors: "l1", "l2".
absl::Status Validate(const PenaltySpec& spec);

// Turns a sum of gradients into `scale` times it with the penalties of
// `network`.
template <typename T>
void Penalise(const PenaltySpec& spec, const PackedNetwork<T>& network, double scale,
              PackedNetwork<T>& gradient, ThreadTeam& team);

}  // namespace trainyard

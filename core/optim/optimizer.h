// How a gradient moves the weights. One optimiser, one pair of files, one line
// in the table of optimizer.cpp.
//
// All take the gradient g of a mini-batch, reduced (mean or sum) and with its
// penalties (penalty.h), a rate and the number of the update, and move W and b
// alike. The formulas and defaults are PyTorch's.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "core/base/thread_team.h"
#include "core/nn/packed_network.h"

namespace trainyard {

struct SgdSpec {};

struct MomentumSpec {
  double momentum = 0.9;
  bool nesterov = false;
};

struct AdamSpec {
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
};

// Adam whose weight decay is apart from the gradient.
struct AdamWSpec {
  AdamSpec adam;
  double weight_decay = 0.01;
};

using OptimizerSpec = std::variant<SgdSpec, MomentumSpec, AdamSpec, AdamWSpec>;

// Fields in errors are those of the public Optimizer message, from "optimizer".
absl::Status Validate(const OptimizerSpec& spec);

// The names of what an optimiser remembers from update to update: for each a
// value beside every parameter. None for SGD.
std::vector<std::string_view> SlotNamesOf(const OptimizerSpec& spec);

template <typename T>
class Optimizer {
 public:
  virtual ~Optimizer() = default;

  // Moves `network` by scale times `gradient`; `update` counts from 1 over the
  // whole run. `team` shares the work and does not show in the result.
  virtual void Update(PackedNetwork<T>& network, const PackedNetwork<T>& gradient, double scale,
                      double rate, std::int64_t update, ThreadTeam& team) = 0;

  // As SlotNamesOf, of the network's shape; all zero to begin with.
  std::span<PackedNetwork<T>> slots() { return slots_; }

 protected:
  Optimizer(const NetworkSpec& network, std::size_t slots) : slots_(MakeSlots(network, slots)) {}

  static std::vector<PackedNetwork<T>> MakeSlots(const NetworkSpec& network, std::size_t count) {
    std::vector<PackedNetwork<T>> slots;
    for (std::size_t i = 0; i < count; ++i) slots.emplace_back(network);
    return slots;
  }

  std::vector<PackedNetwork<T>> slots_;
};

template <typename T>
std::unique_ptr<Optimizer<T>> MakeOptimizer(const OptimizerSpec& spec, const NetworkSpec& network);

}  // namespace trainyard

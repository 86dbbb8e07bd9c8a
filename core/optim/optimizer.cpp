#include "core/optim/optimizer.h"

#include <cmath>
#include <type_traits>

#include "absl/strings/str_cat.h"
#include "core/base/error.h"
#include "core/optim/adam.h"
#include "core/optim/momentum.h"
#include "core/optim/sgd.h"

namespace trainyard {
namespace {

// One line an optimiser.
template <typename T>
auto Make(const SgdSpec& spec, const NetworkSpec& network) {
  return std::make_unique<Sgd<T>>(spec, network);
}
template <typename T>
auto Make(const MomentumSpec& spec, const NetworkSpec& network) {
  return std::make_unique<Momentum<T>>(spec, network);
}
template <typename T, typename AnyAdamSpec>
auto Make(const AnyAdamSpec& spec, const NetworkSpec& network) {
  return std::make_unique<Adam<T>>(spec, network);
}

absl::Status CheckDecay(const std::string& field, double value) {
  if (value >= 0 && value < 1) return absl::OkStatus();
  return FieldError(field, "DECAY_OUT_OF_RANGE",
                    absl::StrCat(field, " is ", value, "; it must be at least 0 and below 1"));
}

absl::Status Check(const SgdSpec&) { return absl::OkStatus(); }

absl::Status Check(const MomentumSpec& spec) {
  return CheckDecay("optimizer.momentum.momentum", spec.momentum);
}

absl::Status CheckAdam(const std::string& prefix, const AdamSpec& spec) {
  absl::Status status = CheckDecay(prefix + ".beta1", spec.beta1);
  if (status.ok()) status = CheckDecay(prefix + ".beta2", spec.beta2);
  if (!status.ok() || (std::isfinite(spec.epsilon) && spec.epsilon > 0)) return status;
  return FieldError(
      prefix + ".epsilon", "EPSILON_OUT_OF_RANGE",
      absl::StrCat(prefix, ".epsilon is ", spec.epsilon, "; it must be a finite number above 0"));
}

absl::Status Check(const AdamSpec& spec) { return CheckAdam("optimizer.adam", spec); }

absl::Status Check(const AdamWSpec& spec) {
  if (absl::Status status = CheckAdam("optimizer.adamw", spec.adam); !status.ok()) return status;
  if (std::isfinite(spec.weight_decay) && spec.weight_decay >= 0) return absl::OkStatus();
  return FieldError("optimizer.adamw.weight_decay", "WEIGHT_DECAY_OUT_OF_RANGE",
                    absl::StrCat("optimizer.adamw.weight_decay is ", spec.weight_decay,
                                 "; it must be a finite number, at least 0"));
}

}  // namespace

absl::Status Validate(const OptimizerSpec& spec) {
  return std::visit([](const auto& optimizer) { return Check(optimizer); }, spec);
}

std::vector<std::string_view> SlotNamesOf(const OptimizerSpec& spec) {
  if (std::holds_alternative<SgdSpec>(spec)) return {};
  if (std::holds_alternative<MomentumSpec>(spec)) return {"velocity"};
  return {"mean", "square"};
}

template <typename T>
std::unique_ptr<Optimizer<T>> MakeOptimizer(const OptimizerSpec& spec, const NetworkSpec& network) {
  return std::visit(
      [&](const auto& optimizer) -> std::unique_ptr<Optimizer<T>> {
        return Make<T>(optimizer, network);
      },
      spec);
}

template std::unique_ptr<Optimizer<float>> MakeOptimizer(const OptimizerSpec&, const NetworkSpec&);
template std::unique_ptr<Optimizer<double>> MakeOptimizer(const OptimizerSpec&, const NetworkSpec&);

}  // namespace trainyard

#include "core/optim/penalty.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "core/base/error.h"
#include "core/optim/share.h"

namespace trainyard {
namespace {

absl::Status CheckFactor(const std::string& field, double value) {
  if (std::isfinite(value) && value >= 0) return absl::OkStatus();
  return FieldError(field, "PENALTY_OUT_OF_RANGE",
                    absl::StrCat(field, " is ", value, "; it must be a finite number, at least 0"));
}

}  // namespace

absl::Status Validate(const PenaltySpec& spec) {
  absl::Status status = CheckFactor("l1", spec.l1);
  return status.ok() ? CheckFactor("l2", spec.l2) : status;
}

template <typename T>
void Penalise(const PenaltySpec& spec, const PackedNetwork<T>& network, double scale,
              PackedNetwork<T>& gradient, ThreadTeam& team) {
  for (int i = 0; i < network.layer_count(); ++i) {
    const PackedLayer<T>& layer = network.layer(i);
    const PackedLayer<T>& g = gradient.layer(i);
    ShareOut<T>(team, layer.inputs * layer.stride, [&](std::int64_t first, std::int64_t count) {
      ActiveKernels<T>().penalise(count, static_cast<T>(scale), static_cast<T>(spec.l1),
                                  static_cast<T>(spec.l2), layer.weights + first,
                                  g.weights + first);
    });
    ActiveKernels<T>().penalise(layer.stride, static_cast<T>(scale), 0, 0, layer.biases, g.biases);
  }
}

template void Penalise(const PenaltySpec&, const PackedNetwork<float>&, double,
                       PackedNetwork<float>&, ThreadTeam&);
template void Penalise(const PenaltySpec&, const PackedNetwork<double>&, double,
                       PackedNetwork<double>&, ThreadTeam&);

}  // namespace trainyard

// The linear map applied to raw features before a network sees them: fitted on
// a job's training set, kept in its checkpoints, used wherever its weights are.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "core/data/dataset.h"

namespace trainyard {

enum class ScalingKind { kNone, kDivideBy255, kStandard };

// scaled[i] = (raw[i] - offset[i]) * factor[i].
struct Scaling {
  ScalingKind kind = ScalingKind::kNone;
  // kStandard only: features() entries each, the mean and 1 / deviation (1
  // where a feature never varies).
  std::vector<double> offset;
  std::vector<double> factor;
};

// Mean and deviation over all rows for kStandard (two passes, in double).
Scaling FitScaling(ScalingKind kind, const Dataset& training_set);

}  // namespace trainyard

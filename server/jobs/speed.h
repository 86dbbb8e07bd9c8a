// How fast this server has trained so far, for the estimate of a dry run.
#pragma once

#include "absl/status/status.h"
#include "server/store/store.h"
#include "trainyard/v1/training.pb.h"

namespace trainyard::server {

struct Speed {
  // Seconds of an epoch / (parameters x rows).
  double seconds_per_parameter_row = 0;
  // From an epoch that ran here, not a stated speed.
  bool measured = false;
};

// The speed for jobs like this one: same precision, one sample at a time or in
// batches.
Speed SpeedOf(Reader& reader, const v1::TrainingJobSpec& spec);

// Remembers the speed of a job that has ended.
absl::Status RememberSpeed(Transaction& transaction, const v1::TrainingJob& job,
                           std::int64_t parameters);

}  // namespace trainyard::server

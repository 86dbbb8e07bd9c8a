// The learning rate over a run.
//
//   constant   rate
//   step       rate factor^k after k epochs_per_step epochs
//   cosine     final + (rate - final) (1 + cos(pi p)) / 2, p the share of the
//              run's updates that are done (Loshchilov and Hutter, 2017)
//
// Warm-up: in the first `warmup_epochs` the rate is multiplied by the share of
// them that is done, counting the update itself; cosine then begins after it.
#pragma once

#include <cstdint>
#include <variant>

#include "absl/status/status.h"

namespace trainyard {

struct ConstantSchedule {};

struct StepSchedule {
  int epochs_per_step = 10;
  double factor = 0.1;
};

struct CosineSchedule {
  double final_rate = 0;
};

struct ScheduleSpec {
  std::variant<ConstantSchedule, StepSchedule, CosineSchedule> kind;
  double warmup_epochs = 0;
};

// Fields in errors are those of the public LearningRateSchedule message, from
// "schedule".
absl::Status Validate(const ScheduleSpec& spec);

// Where an update is in a run, all counted from 0.
struct UpdatePlace {
  int epoch = 0;
  std::int64_t batch = 0;
  std::int64_t batches_per_epoch = 1;
  int epochs = 1;
};

// The rate of one update; `rate` is the spec's learning rate.
double RateAt(const ScheduleSpec& spec, double rate, const UpdatePlace& place);

}  // namespace trainyard

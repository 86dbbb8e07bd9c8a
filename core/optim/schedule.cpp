#include "core/optim/schedule.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "core/base/error.h"
#include "core/rng/elementary.h"

namespace trainyard {
namespace {

absl::Status Check(const ConstantSchedule&) { return absl::OkStatus(); }

absl::Status Check(const StepSchedule& spec) {
  if (spec.epochs_per_step < 1) {
    return FieldError("schedule.step.epochs_per_step", "STEP_OUT_OF_RANGE",
                      absl::StrCat("schedule.step.epochs_per_step is ", spec.epochs_per_step,
                                   "; it must be at least 1"));
  }
  if (std::isfinite(spec.factor) && spec.factor > 0) return absl::OkStatus();
  return FieldError("schedule.step.factor", "FACTOR_OUT_OF_RANGE",
                    absl::StrCat("schedule.step.factor is ", spec.factor,
                                 "; it must be a finite number above 0"));
}

absl::Status Check(const CosineSchedule& spec) {
  if (std::isfinite(spec.final_rate) && spec.final_rate >= 0) return absl::OkStatus();
  return FieldError("schedule.cosine.final_learning_rate", "LEARNING_RATE_OUT_OF_RANGE",
                    absl::StrCat("schedule.cosine.final_learning_rate is ", spec.final_rate,
                                 "; it must be a finite number, at least 0"));
}

double At(const ConstantSchedule&, double rate, const UpdatePlace&, double) { return rate; }

double At(const StepSchedule& spec, double rate, const UpdatePlace& place, double) {
  return rate * IntegerPower(spec.factor, place.epoch / spec.epochs_per_step);
}

double At(const CosineSchedule& spec, double rate, const UpdatePlace& place, double warmup) {
  const auto per_epoch = static_cast<double>(place.batches_per_epoch);
  const double first = warmup * per_epoch;
  const double done = place.epoch * per_epoch + static_cast<double>(place.batch) - first;
  const double all = place.epochs * per_epoch - first;
  const double share = all > 0 ? std::clamp(done / all, 0.0, 1.0) : 0;
  return spec.final_rate + (rate - spec.final_rate) * (1 + DeterministicCosPi(share)) / 2;
}

}  // namespace

absl::Status Validate(const ScheduleSpec& spec) {
  if (!std::isfinite(spec.warmup_epochs) || spec.warmup_epochs < 0) {
    return FieldError("schedule.warmup_epochs", "WARMUP_OUT_OF_RANGE",
                      absl::StrCat("schedule.warmup_epochs is ", spec.warmup_epochs,
                                   "; it must be a finite number, at least 0"));
  }
  return std::visit([](const auto& kind) { return Check(kind); }, spec.kind);
}

double RateAt(const ScheduleSpec& spec, double rate, const UpdatePlace& place) {
  const double scheduled = std::visit(
      [&](const auto& kind) { return At(kind, rate, place, spec.warmup_epochs); }, spec.kind);
  const double warmup = spec.warmup_epochs * static_cast<double>(place.batches_per_epoch);
  const double done =
      static_cast<double>(place.epoch) * static_cast<double>(place.batches_per_epoch) +
      static_cast<double>(place.batch) + 1;
  return done < warmup ? scheduled * (done / warmup) : scheduled;
}

}  // namespace trainyard

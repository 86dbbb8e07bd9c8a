#include "core/train/training_spec.h"

#include <cmath>
#include <limits>
#include <string>

#include "absl/strings/str_cat.h"
#include "core/base/error.h"

namespace trainyard {
namespace {

constexpr int kMaxEpochs = 1'000'000;
constexpr int kMaxBatchSize = 1 << 24;
constexpr int kMaxThreads = 256;

absl::Status CheckRange(const char* field, const char* reason, std::int64_t value,
                        std::int64_t least, std::int64_t most) {
  if (value >= least && value <= most) return absl::OkStatus();
  return FieldError(field, reason,
                    absl::StrCat(field, " is ", value, "; it must be from ", least, " to ", most));
}

absl::Status CheckLearningRate(const TrainingSpec& spec) {
  const bool used = spec.epochs > 0;
  if (std::isfinite(spec.learning_rate) && spec.learning_rate >= 0 &&
      (spec.learning_rate > 0 || !used)) {
    return absl::OkStatus();
  }
  return FieldError("learning_rate", "LEARNING_RATE_OUT_OF_RANGE",
                    absl::StrCat("learning_rate is ", spec.learning_rate,
                                 "; it must be a finite number above 0"));
}

absl::Status CheckDropout(double dropout) {
  if (dropout >= 0 && dropout < 1) return absl::OkStatus();
  return FieldError("dropout", "DROPOUT_OUT_OF_RANGE",
                    absl::StrCat("dropout is ", dropout, "; it must be at least 0 and below 1"));
}

absl::Status CheckEarlyStopping(const EarlyStoppingSpec& spec) {
  if (spec.patience < 1) {
    return FieldError(
        "early_stopping.patience", "PATIENCE_OUT_OF_RANGE",
        absl::StrCat("early_stopping.patience is ", spec.patience, "; it must be at least 1"));
  }
  if (std::isfinite(spec.min_delta) && spec.min_delta >= 0) return absl::OkStatus();
  return FieldError("early_stopping.min_delta", "MIN_DELTA_OUT_OF_RANGE",
                    absl::StrCat("early_stopping.min_delta is ", spec.min_delta,
                                 "; it must be a finite number, at least 0"));
}

absl::Status CheckNumpy(const TrainingSpec& spec) {
  constexpr std::uint64_t kMostSeed = std::numeric_limits<std::uint32_t>::max();
  if (spec.seed > kMostSeed) {
    return FieldError(
        "seed", "SEED_OUT_OF_RANGE",
        absl::StrCat("seed is ", spec.seed, "; numpy's generator takes 0 to ", kMostSeed));
  }
  if (spec.dropout == 0) return absl::OkStatus();
  return FieldError("dropout", "DROPOUT_NEEDS_PHILOX",
                    "numpy's generator has no dropout to reproduce; use rng philox, or dropout 0");
}

}  // namespace

absl::Status Validate(const TrainingSpec& spec) {
  absl::Status status = CheckRange("epochs", "EPOCHS_OUT_OF_RANGE", spec.epochs, 0, kMaxEpochs);
  if (status.ok()) status = CheckLearningRate(spec);
  if (status.ok()) {
    status = CheckRange("batch_size", "BATCH_SIZE_OUT_OF_RANGE", spec.batch_size, 1, kMaxBatchSize);
  }
  if (status.ok()) {
    status = CheckRange("threads", "THREADS_OUT_OF_RANGE", spec.threads, 1, kMaxThreads);
  }
  if (status.ok()) status = Validate(spec.optimizer);
  if (status.ok()) status = Validate(spec.schedule);
  if (status.ok()) status = Validate(spec.penalty);
  if (status.ok()) status = CheckDropout(spec.dropout);
  if (status.ok() && spec.early_stopping) status = CheckEarlyStopping(*spec.early_stopping);
  if (status.ok() && spec.rng == RandomGenerator::kNumpy) status = CheckNumpy(spec);
  return status;
}

absl::Status ValidateFor(const TrainingSpec& spec, const NetworkSpec& network) {
  const bool drawn_as_numpy = std::holds_alternative<UniformInitializer>(network.initializer) ||
                              std::holds_alternative<ZerosInitializer>(network.initializer);
  if (spec.rng == RandomGenerator::kPhilox || drawn_as_numpy) return absl::OkStatus();
  return MakeError(absl::StatusCode::kFailedPrecondition, {"RNG_NEEDS_UNIFORM", "rng", {}},
                   "with rng numpy weights are drawn by np.random.rand, and the network's "
                   "initializer is neither uniform nor zeros; use a network with one of these, or "
                   "rng philox");
}

}  // namespace trainyard

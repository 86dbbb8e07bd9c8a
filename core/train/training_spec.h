// The hyperparameters of a run.
#pragma once

#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "core/nn/network.h"
#include "core/optim/optimizer.h"
#include "core/optim/penalty.h"
#include "core/optim/schedule.h"

namespace trainyard {

enum class Precision { kF32, kF64 };
enum class GradientReduction { kMean, kSum };

// kNumpy is one MT19937 stream a run, seeded with the run's seed, drawn from as
// np.random.seed, rand and permutation do; kPhilox needs no state.
enum class RandomGenerator { kPhilox, kNumpy };

// Ends a run whose validation cost has not fallen by more than `min_delta` below
// the lowest so far for `patience` epochs.
struct EarlyStoppingSpec {
  int patience = 1;
  double min_delta = 0;
};

struct TrainingSpec {
  int epochs = 0;
  double learning_rate = 0;
  int batch_size = 1;
  std::uint64_t seed = 0;
  GradientReduction gradient_reduction = GradientReduction::kMean;
  OptimizerSpec optimizer;
  ScheduleSpec schedule;
  PenaltySpec penalty;
  // The probability with which an output of a hidden layer is left out of an
  // update; the others are divided by 1 - dropout (Srivastava et al., 2014).
  double dropout = 0;
  std::optional<EarlyStoppingSpec> early_stopping;
  RandomGenerator rng = RandomGenerator::kPhilox;
  // Threads that compute together; the result is the same for any number. One
  // sample at a time they help with the cost and the validation set only.
  int threads = 1;
};

// Whether the hyperparameters make sense; fields are those of the public
// TrainingJobSpec message.
absl::Status Validate(const TrainingSpec& spec);

// Whether they do for this network: kNumpy draws uniform weights or none.
absl::Status ValidateFor(const TrainingSpec& spec, const NetworkSpec& network);

}  // namespace trainyard

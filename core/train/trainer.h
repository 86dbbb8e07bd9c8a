// Trains a network on a dataset. Knows nobody: it tells an observer what
// happened and stops when a token says so.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/data/dataset.h"
#include "core/data/scaling.h"
#include "core/nn/network.h"
#include "core/nn/parameters.h"

namespace trainyard {

enum class Precision { kF32, kF64 };
enum class GradientReduction { kMean, kSum };

struct TrainingSpec {
  int epochs = 0;
  double learning_rate = 0;
  int batch_size = 1;
  std::uint64_t seed = 0;
  GradientReduction gradient_reduction = GradientReduction::kMean;
};

// Whether the hyperparameters make sense; fields are those of the public
// TrainingJobSpec message.
absl::Status Validate(const TrainingSpec& spec);

// Whether a network can be trained on (`training`) or evaluated with data of
// this kind: inputs match features; outputs match classes, or one output for
// two classes; for regression as many outputs as targets, and TSE. Errors:
// FAILED_PRECONDITION naming "network" or "dataset".
absl::Status CheckFit(const NetworkSpec& network, const DatasetInfo& dataset, bool training);

// One epoch's figures; see EpochCompleted of the public API.
struct EpochReport {
  int epoch = 0;
  double cost = 0;
  double mean_cost = 0;
  std::optional<double> train_accuracy;
  std::optional<double> validation_cost;
  std::optional<double> validation_accuracy;
  double learning_rate = 0;
  double seconds = 0;
};

// Hears of what a trainer does, on the trainer's thread.
template <typename T>
class TrainingObserver {
 public:
  virtual ~TrainingObserver() = default;
  // After each epoch, with the weights at that moment. A failed status ends
  // the run with it.
  virtual absl::Status OnEpoch(const EpochReport& report, const Parameters<T>& parameters) = 0;
  // Now and then within an epoch (at most about ten times a second); cheap.
  virtual void OnProgress(int epoch, std::int64_t rows_done, std::int64_t rows) = 0;
};

// Where a run begins: at 0 with drawn weights, or after `epochs_completed`.
template <typename T>
struct TrainingPosition {
  int epochs_completed = 0;
  Parameters<T> parameters;
};

// Runs the remaining epochs. On return `position` is where it stopped.
//
// Returns OK when all epochs are done; CANCELLED where `stop` was requested (it
// then stopped at the last sample or batch, and `position` has the weights of
// that moment with the epochs completed before it); FAILED_PRECONDITION with
// reason DIVERGED and metadata "epoch" where a cost is not finite, whose epoch
// was not reported; what the observer returned.
//
// Samples are visited in the order of a permutation keyed by (seed, epoch); a
// batch of one is the notebook's algorithm. The result depends on the data,
// the specs and KernelVariant() alone.
template <typename T>
absl::Status Train(const NetworkSpec& network, const TrainingSpec& spec, const Scaling& scaling,
                   const Dataset& training_set, const Dataset* validation_set,
                   TrainingPosition<T>& position, TrainingObserver<T>& observer,
                   std::stop_token stop);

// The instruction set chosen for this process: "baseline", "avx2", "avx512".
// TRAINYARD_KERNELS in the environment may name a lesser one.
std::string_view KernelVariant();

// Bytes of private memory that a run allocates.
std::int64_t TrainingMemoryBytes(const NetworkSpec& network, const TrainingSpec& spec,
                                 Precision precision);

}  // namespace trainyard

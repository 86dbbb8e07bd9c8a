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
#include "core/train/training_spec.h"
#include "core/train/training_state.h"

namespace trainyard {

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

// A run's state when it is asked for, copied then and not before: valid until
// the observer returns.
template <typename T>
using StateSource = std::function<const TrainingState<T>&()>;

// Where a run is within an epoch, and the end of the epoch before it, from which the
// same place is reached again; of a run that began within an epoch, where it began.
template <typename T>
struct EpochPlace {
  const TrainingState<T>& here;
  const TrainingState<T>& last_end;
};

template <typename T>
using PlaceSource = std::function<EpochPlace<T>()>;

// Hears of what a trainer does, on the trainer's thread. A failed status ends
// the run with it.
template <typename T>
class TrainingObserver {
 public:
  virtual ~TrainingObserver() = default;
  // After each epoch, with the state at its end.
  virtual absl::Status OnEpoch(const EpochReport& report, const StateSource<T>& state) = 0;
  // Now and then within an epoch (at most about ten times a second), between two
  // updates, with the place there; cheap where that is not asked for. Empty where
  // epochs are short.
  virtual absl::Status OnProgress(int epoch, std::int64_t rows_done, std::int64_t rows,
                                  const PlaceSource<T>& place) = 0;
  // Where `stop` ends a run within an epoch: the place there.
  virtual absl::Status OnStop(const EpochPlace<T>& place) = 0;
};

// Runs the remaining epochs. On return `state` is that of the end of the last
// epoch that was completed.
//
// Returns OK when all epochs are done, or early stopping ends the run
// (StoppedEarly); CANCELLED where `stop` was requested: a run with short epochs
// then finishes the one it is in, another stops after the update that it is at
// and tells OnStop; FAILED_PRECONDITION with reason DIVERGED and metadata
// "epoch" where a cost is not finite, whose epoch was not reported; what the
// observer returned.
//
// Samples are visited in the order of a permutation of each epoch; a batch of
// one is the notebook's algorithm. The result depends on the data, the specs and
// KernelVariant() alone.
template <typename T>
absl::Status Train(const NetworkSpec& network, const TrainingSpec& spec, const Scaling& scaling,
                   const Dataset& training_set, const Dataset* validation_set,
                   TrainingState<T>& state, TrainingObserver<T>& observer, std::stop_token stop);

// The instruction set chosen for this process: "baseline", "avx2", "avx512".
// TRAINYARD_KERNELS in the environment may name a lesser one.
std::string_view KernelVariant();

// Bytes of private memory that a run allocates.
std::int64_t TrainingMemoryBytes(const NetworkSpec& network, const TrainingSpec& spec,
                                 Precision precision);

}  // namespace trainyard

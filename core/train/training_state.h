// Where a run is, with all that it needs to go on from there to the same bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/nn/parameters.h"
#include "core/rng/mt19937.h"
#include "core/train/training_spec.h"

namespace trainyard {

template <typename T>
struct TrainingState {
  explicit TrainingState(Parameters<T> weights) : parameters(std::move(weights)) {}

  int epochs_completed = 0;
  // Of the next epoch, in updates already made: whole batches.
  std::int64_t samples = 0;
  // Spent in that epoch so far.
  double seconds = 0;
  Parameters<T> parameters;
  // Made with what the optimiser remembers.
  std::int64_t updates = 0;
  // What the optimiser remembers, as SlotNamesOf says; empty before the first
  // update.
  std::vector<Parameters<T>> slots;
  // kNumpy's stream before the permutation of the next epoch.
  std::optional<Mt19937::State> generator;
  // The epoch with the lowest validation cost and that cost, for early stopping;
  // 0 without one.
  int best_epoch = 0;
  double best_validation_cost = 0;
};

// The beginning of a run: weights drawn as the network's initialiser says, from
// the network's seed, or with kNumpy from the run's.
template <typename T>
TrainingState<T> InitialState(const NetworkSpec& network, const TrainingSpec& spec);

// Whether early stopping has ended the run that has come to `state`.
template <typename T>
bool StoppedEarly(const TrainingSpec& spec, const TrainingState<T>& state);

}  // namespace trainyard

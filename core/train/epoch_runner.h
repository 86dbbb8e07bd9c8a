// The updates of one epoch.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "core/base/thread_team.h"
#include "core/optim/optimizer.h"
#include "core/train/batch_gradient.h"
#include "core/train/kept_derivatives.h"
#include "core/train/sample_step.h"
#include "core/train/training_spec.h"

namespace trainyard {

// Where an epoch is to begin, and in what order it visits the rows.
struct EpochStart {
  // From 1.
  int epoch = 1;
  // Of the order, done already: whole batches.
  std::int64_t samples = 0;
  std::vector<std::uint32_t> order;
  // Made before, in all epochs.
  std::int64_t updates = 0;
};

// Visits every row of the training set once, in the order given, and moves the
// weights after each sample or batch. Keeps references to what it is given.
template <typename T>
class EpochRunner {
 public:
  EpochRunner(const NetworkSpec& network, const TrainingSpec& spec, const Scaling& scaling,
              const Dataset& training_set, ThreadTeam& team);

  // Told between batches or windows how many rows are done, at most about ten times a
  // second; false ends the epoch there.
  using Progress = std::function<bool(std::int64_t rows_done)>;
  // Asked before each batch, or each window of samples.
  using Stop = std::function<bool()>;

  // The rows done: all of them, or fewer where it was ended.
  std::int64_t Run(PackedNetwork<T>& network, EpochStart start, const Progress& progress,
                   const Stop& stop);

  // Made so far, in all epochs.
  std::int64_t updates() const { return at_.updates; }
  // The rate of the last update.
  double learning_rate() const { return learning_rate_; }
  // Null where the weights are all that there is to remember.
  Optimizer<T>* optimizer() { return optimizer_.get(); }

 private:
  std::int64_t batches() const;
  void RunWindow(PackedNetwork<T>& network, std::int64_t first, std::int64_t rows);
  // The learning rate of a batch of this epoch, from 0.
  double RateOf(std::int64_t batch) const;
  // What the sum of a batch's gradients is multiplied by.
  T RateOfSum(std::int64_t rows) const;
  void RunBatch(PackedNetwork<T>& network, std::int64_t first, std::int64_t rows);
  void Descend(PackedNetwork<T>& network, std::int64_t rows);
  // Fills inputs_ and targets_ with rows [first, first + rows) of the order.
  void Gather(std::int64_t first, std::int64_t rows);

  const TrainingSpec& spec_;
  const Dataset& training_set_;
  ThreadTeam& team_;
  const bool fused_;
  // Rows between two looks at `stop`: a batch, or a window of samples.
  const std::int64_t step_rows_;
  std::int64_t piece_rows_;
  InputBatch<T> inputs_;
  TargetReader<T> target_reader_;
  std::vector<T> targets_;
  // Of the samples of a window.
  std::vector<T> rates_;
  std::size_t outputs_;
  EpochStart at_;
  double learning_rate_;
  // The notebook's algorithm has a path of its own; everything else is a
  // gradient and an update.
  std::unique_ptr<SampleStep<T>> sample_step_;
  std::unique_ptr<BatchGradient<T>> batch_gradient_;
  KeptDerivatives<T> kept_;
  std::unique_ptr<Optimizer<T>> optimizer_;
};

}  // namespace trainyard

// The updates of one epoch.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <stop_token>
#include <vector>

#include "core/train/batch_gradient.h"
#include "core/train/sample_step.h"
#include "core/train/trainer.h"

namespace trainyard {

// Visits every row of the training set once, in the epoch's order, and moves
// the weights after each sample or batch. Keeps references to what it is given.
template <typename T>
class EpochRunner {
 public:
  EpochRunner(const NetworkSpec& network, const TrainingSpec& spec, const Scaling& scaling,
              const Dataset& training_set, TrainingObserver<T>& observer);

  // False where `stop` ended it, between two samples or batches.
  bool Run(PackedNetwork<T>& network, int epoch, std::stop_token stop);

 private:
  void RunBatch(PackedNetwork<T>& network, std::int64_t first, std::int64_t rows);
  void RunSample(PackedNetwork<T>& network);
  // Fills inputs_ and targets_ with rows [first, first + rows) of the order.
  void Gather(std::int64_t first, std::int64_t rows);
  void ReportProgress(int epoch, std::int64_t rows_done);

  const TrainingSpec& spec_;
  const Dataset& training_set_;
  TrainingObserver<T>& observer_;
  std::int64_t piece_rows_;
  InputBatch<T> inputs_;
  TargetReader<T> target_reader_;
  std::vector<T> targets_;
  std::size_t outputs_;
  std::vector<std::uint32_t> order_;
  std::int64_t rows_since_clock_ = 0;
  std::chrono::steady_clock::time_point last_progress_;
  // One of the two, by batch size.
  std::unique_ptr<SampleStep<T>> sample_step_;
  std::unique_ptr<BatchGradient<T>> batch_gradient_;
};

}  // namespace trainyard

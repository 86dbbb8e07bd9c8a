#include "core/train/epoch_runner.h"

#include <algorithm>

#include "core/rng/philox.h"

namespace trainyard {
namespace {

constexpr auto kProgressInterval = std::chrono::milliseconds(100);
// Between looks at the clock.
constexpr std::int64_t kRowsPerClock = 64;

}  // namespace

template <typename T>
EpochRunner<T>::EpochRunner(const NetworkSpec& network, const TrainingSpec& spec,
                            const Scaling& scaling, const Dataset& training_set,
                            TrainingObserver<T>& observer)
    : spec_(spec),
      training_set_(training_set),
      observer_(observer),
      piece_rows_(std::min({std::int64_t{spec.batch_size}, RowsAtOnce(network),
                            std::max(training_set.rows(), std::int64_t{1})})),
      inputs_(scaling, network.inputs, piece_rows_),
      target_reader_(network, training_set),
      outputs_(static_cast<std::size_t>(network.outputs())) {
  targets_.resize(static_cast<std::size_t>(piece_rows_) * outputs_);
  if (spec.batch_size == 1) {
    sample_step_ = std::make_unique<SampleStep<T>>(network);
  } else {
    batch_gradient_ = std::make_unique<BatchGradient<T>>(network, piece_rows_);
  }
}

template <typename T>
bool EpochRunner<T>::Run(PackedNetwork<T>& network, int epoch, std::stop_token stop) {
  const std::int64_t rows = training_set_.rows();
  order_ = RandomPermutation(static_cast<std::uint32_t>(rows), spec_.seed,
                             static_cast<std::uint32_t>(epoch));
  last_progress_ = std::chrono::steady_clock::now();
  for (std::int64_t first = 0; first < rows; first += spec_.batch_size) {
    if (stop.stop_requested()) return false;
    const std::int64_t count = std::min(std::int64_t{spec_.batch_size}, rows - first);
    RunBatch(network, first, count);
    rows_since_clock_ += count;
    if (rows_since_clock_ >= kRowsPerClock) ReportProgress(epoch, first + count);
  }
  return true;
}

template <typename T>
void EpochRunner<T>::RunBatch(PackedNetwork<T>& network, std::int64_t first, std::int64_t rows) {
  if (sample_step_ != nullptr) {
    Gather(first, 1);
    return RunSample(network);
  }
  for (std::int64_t done = 0; done < rows; done += piece_rows_) {
    Gather(first + done, std::min(piece_rows_, rows - done));
    batch_gradient_->Add(network, inputs_, targets_);
  }
  const bool mean = spec_.gradient_reduction == GradientReduction::kMean;
  const double rate = mean ? spec_.learning_rate / static_cast<double>(rows) : spec_.learning_rate;
  batch_gradient_->Apply(network, static_cast<T>(rate));
}

template <typename T>
void EpochRunner<T>::RunSample(PackedNetwork<T>& network) {
  sample_step_->Run(network, inputs_.rows(), targets_, static_cast<T>(spec_.learning_rate));
}

template <typename T>
void EpochRunner<T>::Gather(std::int64_t first, std::int64_t rows) {
  inputs_.Clear();
  for (std::int64_t i = 0; i < rows; ++i) {
    const std::int64_t row = order_[static_cast<std::size_t>(first + i)];
    inputs_.Append(training_set_, row);
    target_reader_.Read(
        row, std::span(targets_).subspan(static_cast<std::size_t>(i) * outputs_, outputs_));
  }
}

template <typename T>
void EpochRunner<T>::ReportProgress(int epoch, std::int64_t rows_done) {
  rows_since_clock_ = 0;
  const auto now = std::chrono::steady_clock::now();
  if (now - last_progress_ < kProgressInterval) return;
  last_progress_ = now;
  observer_.OnProgress(epoch, rows_done, training_set_.rows());
}

template class EpochRunner<float>;
template class EpochRunner<double>;

}  // namespace trainyard

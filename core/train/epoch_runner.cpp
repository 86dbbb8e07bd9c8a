#include "core/train/epoch_runner.h"

#include <algorithm>
#include <utility>

namespace trainyard {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kProgressInterval = std::chrono::milliseconds(100);
// Between looks at the clock.
constexpr std::int64_t kRowsPerClock = 64;

// W <- W - rate g and nothing else.
bool IsPlain(const TrainingSpec& spec) {
  return std::holds_alternative<SgdSpec>(spec.optimizer) && !spec.penalty.any();
}

// Whether one sample's backward pass and update can be one.
bool IsFused(const TrainingSpec& spec, const NetworkSpec& network) {
  return spec.batch_size == 1 && spec.dropout == 0 && IsPlain(spec) &&
         std::ranges::all_of(network.layers, [](const LayerSpec& layer) {
           return HasDerivativeOfOutput(layer.activation);
         });
}

// Samples that share a write of W. To reproduce a script, as in the script, none:
// its run may be chaotic, and the order of sums shows.
template <typename T>
std::int64_t WindowOf(const TrainingSpec& spec) {
  return spec.rng == RandomGenerator::kNumpy ? 1 : SampleStep<T>::kWindow;
}

}  // namespace

template <typename T>
EpochRunner<T>::EpochRunner(const NetworkSpec& network, const TrainingSpec& spec,
                            const Scaling& scaling, const Dataset& training_set, ThreadTeam& team)
    : spec_(spec),
      training_set_(training_set),
      team_(team),
      fused_(IsFused(spec, network)),
      step_rows_(fused_ ? WindowOf<T>(spec) : spec.batch_size),
      piece_rows_(std::min({step_rows_, std::max(RowsAtOnce(network), SampleStep<T>::kWindow),
                            std::max(training_set.rows(), std::int64_t{1})})),
      inputs_(scaling, network.inputs, piece_rows_),
      target_reader_(network, training_set),
      outputs_(static_cast<std::size_t>(network.outputs())),
      learning_rate_(spec.learning_rate),
      kept_(network, spec, piece_rows_) {
  targets_.resize(static_cast<std::size_t>(piece_rows_) * outputs_);
  if (fused_) {
    sample_step_ = std::make_unique<SampleStep<T>>(network);
    return;
  }
  batch_gradient_ = std::make_unique<BatchGradient<T>>(network, piece_rows_, team);
  if (!IsPlain(spec)) optimizer_ = MakeOptimizer<T>(spec.optimizer, network);
}

template <typename T>
std::int64_t EpochRunner<T>::Run(PackedNetwork<T>& network, EpochStart start,
                                 const Progress& progress, const Stop& stop) {
  at_ = std::move(start);
  const std::int64_t rows = training_set_.rows();
  if (at_.samples > 0) learning_rate_ = RateOf((at_.samples - 1) / spec_.batch_size);
  std::int64_t rows_since_clock = 0;
  Clock::time_point last_progress = Clock::now();
  for (std::int64_t first = at_.samples; first < rows; first += step_rows_) {
    if (stop()) return first;
    const std::int64_t count = std::min(step_rows_, rows - first);
    if (fused_) {
      RunWindow(network, first, count);
    } else {
      RunBatch(network, first, count);
    }
    rows_since_clock += count;
    if (rows_since_clock < kRowsPerClock || first + count == rows) continue;
    rows_since_clock = 0;
    const auto now = Clock::now();
    if (now - last_progress < kProgressInterval) continue;
    last_progress = now;
    if (!progress(first + count)) return first + count;
  }
  return rows;
}

template <typename T>
std::int64_t EpochRunner<T>::batches() const {
  return (training_set_.rows() + spec_.batch_size - 1) / spec_.batch_size;
}

template <typename T>
double EpochRunner<T>::RateOf(std::int64_t batch) const {
  return RateAt(spec_.schedule, spec_.learning_rate,
                {at_.epoch - 1, batch, batches(), spec_.epochs});
}

// Windows begin at fixed places: what they make of the rounding does not depend
// on where a run was interrupted.
template <typename T>
void EpochRunner<T>::RunWindow(PackedNetwork<T>& network, std::int64_t first, std::int64_t rows) {
  rates_.resize(static_cast<std::size_t>(rows));
  for (std::int64_t row = 0; row < rows; ++row) {
    learning_rate_ = RateOf(first + row);
    rates_[static_cast<std::size_t>(row)] = static_cast<T>(learning_rate_);
  }
  at_.updates += rows;
  Gather(first, rows);
  sample_step_->Run(network, inputs_, targets_, rates_);
}

template <typename T>
void EpochRunner<T>::RunBatch(PackedNetwork<T>& network, std::int64_t first, std::int64_t rows) {
  learning_rate_ = RateOf(first / spec_.batch_size);
  ++at_.updates;
  if (optimizer_ == nullptr && rows <= piece_rows_) {
    Gather(first, rows);
    kept_.SetPlace(at_.epoch, first);
    return batch_gradient_->Step(network, inputs_, targets_, RateOfSum(rows), &kept_);
  }
  for (std::int64_t done = 0; done < rows; done += piece_rows_) {
    Gather(first + done, std::min(piece_rows_, rows - done));
    kept_.SetPlace(at_.epoch, first + done);
    batch_gradient_->Add(network, inputs_, targets_, &kept_);
  }
  Descend(network, rows);
}

template <typename T>
T EpochRunner<T>::RateOfSum(std::int64_t rows) const {
  const bool mean = spec_.gradient_reduction == GradientReduction::kMean;
  return static_cast<T>(mean ? learning_rate_ / static_cast<double>(rows) : learning_rate_);
}

template <typename T>
void EpochRunner<T>::Descend(PackedNetwork<T>& network, std::int64_t rows) {
  if (optimizer_ == nullptr) return batch_gradient_->Apply(network, RateOfSum(rows));
  const bool mean = spec_.gradient_reduction == GradientReduction::kMean;
  double scale = mean ? 1 / static_cast<double>(rows) : 1;
  if (spec_.penalty.any()) {
    Penalise(spec_.penalty, network, scale, batch_gradient_->sum(), team_);
    scale = 1;
  }
  optimizer_->Update(network, batch_gradient_->sum(), scale, learning_rate_, at_.updates, team_);
  batch_gradient_->Reset();
}

template <typename T>
void EpochRunner<T>::Gather(std::int64_t first, std::int64_t rows) {
  inputs_.Clear();
  for (std::int64_t i = 0; i < rows; ++i) {
    const std::int64_t row = at_.order[static_cast<std::size_t>(first + i)];
    inputs_.Append(training_set_, row);
    target_reader_.Read(
        row, std::span(targets_).subspan(static_cast<std::size_t>(i) * outputs_, outputs_));
  }
}

template class EpochRunner<float>;
template class EpochRunner<double>;

}  // namespace trainyard

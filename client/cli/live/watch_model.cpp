#include "client/cli/live/watch_model.h"

#include <algorithm>

namespace trainyard::client {

void WatchModel::Apply(const v1::TrainingEvent& event) {
  attempt_ = std::max(attempt_, event.attempt());
  if (event.has_state_change()) {
    state_ = event.state_change().state();
    reason_ = event.state_change().reason();
    if (event.state_change().has_error()) error_ = event.state_change().error();
    if (state_ != v1::TrainingJob::RUNNING) progress_.reset();
  } else if (event.has_epoch()) {
    epochs_[event.epoch().epoch()] = event.epoch();
    progress_.reset();
  } else if (event.has_warning()) {
    warnings_.push_back(event.warning());
  }
}

void WatchModel::Apply(const v1::TrainingProgress& progress) {
  // A late message of an epoch that is over would make the bar jump back.
  const v1::EpochCompleted* last = last_epoch();
  if (last == nullptr || progress.epoch() > last->epoch()) progress_ = progress;
}

double WatchModel::ShareDone() const {
  const int total = job_.spec().epochs();
  if (total <= 0) return state_ == v1::TrainingJob::SUCCEEDED ? 1 : 0;
  double done = epochs_.empty() ? 0 : epochs_.rbegin()->first;
  if (progress_ && progress_->row_count() > 0) {
    done +=
        static_cast<double>(progress_->rows_done()) / static_cast<double>(progress_->row_count());
  }
  return std::min(1.0, done / total);
}

double WatchModel::EpochSeconds() const {
  constexpr int kRecent = 5;
  double seconds = 0;
  int count = 0;
  for (auto it = epochs_.rbegin(); it != epochs_.rend() && count < kRecent; ++it, ++count) {
    seconds += it->second.seconds();
  }
  if (count > 0) return seconds / count;
  if (!progress_ || progress_->samples_per_second() <= 0) return 0;
  return static_cast<double>(progress_->row_count()) / progress_->samples_per_second();
}

std::optional<double> WatchModel::SecondsLeft() const {
  const double epoch_seconds = EpochSeconds();
  if (epoch_seconds <= 0) return std::nullopt;
  return (1 - ShareDone()) * job_.spec().epochs() * epoch_seconds;
}

double WatchModel::SecondsTrained() const {
  double seconds = 0;
  for (const auto& [number, epoch] : epochs_) seconds += epoch.seconds();
  return seconds;
}

}  // namespace trainyard::client

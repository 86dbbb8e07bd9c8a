// An observer that keeps what it hears.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "core/train/trainer.h"

namespace trainyard::testing {

template <typename T>
class RecordingObserver : public TrainingObserver<T> {
 public:
  absl::Status OnEpoch(const EpochReport& report, const StateSource<T>& state) override {
    reports.push_back(report);
    weights.push_back(state().parameters);
    return on_epoch ? on_epoch(report) : absl::OkStatus();
  }
  absl::Status OnProgress(int, std::int64_t, std::int64_t, const PlaceSource<T>&) override {
    if (on_progress) on_progress();
    return absl::OkStatus();
  }
  absl::Status OnStop(const EpochPlace<T>& place) override {
    stopped_at = place.here;
    last_end = place.last_end;
    return absl::OkStatus();
  }

  std::vector<EpochReport> reports;
  std::vector<Parameters<T>> weights;
  std::optional<TrainingState<T>> stopped_at;
  std::optional<TrainingState<T>> last_end;
  std::function<absl::Status(const EpochReport&)> on_epoch;
  std::function<void()> on_progress;
};

}  // namespace trainyard::testing

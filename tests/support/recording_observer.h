// An observer that keeps what it hears.
#pragma once

#include <functional>
#include <vector>

#include "core/train/trainer.h"

namespace trainyard::testing {

template <typename T>
class RecordingObserver : public TrainingObserver<T> {
 public:
  absl::Status OnEpoch(const EpochReport& report, const Parameters<T>& parameters) override {
    reports.push_back(report);
    weights.push_back(parameters);
    return on_epoch ? on_epoch(report) : absl::OkStatus();
  }
  void OnProgress(int, std::int64_t, std::int64_t) override {
    if (on_progress) on_progress();
  }

  std::vector<EpochReport> reports;
  std::vector<Parameters<T>> weights;
  std::function<absl::Status(const EpochReport&)> on_epoch;
  std::function<void()> on_progress;
};

}  // namespace trainyard::testing

// What a watcher knows of a job: the events so far, put together.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "trainyard/v1/training.pb.h"

namespace trainyard::client {

// Not thread-safe.
class WatchModel {
 public:
  // The job as it was when the watch began.
  explicit WatchModel(v1::TrainingJob job) : job_(std::move(job)) {
    state_ = job_.state();
    attempt_ = job_.attempt();
  }

  void Apply(const v1::TrainingEvent& event);
  void Apply(const v1::TrainingProgress& progress);

  const v1::TrainingJob& job() const { return job_; }
  v1::TrainingJob::State state() const { return state_; }
  int attempt() const { return attempt_; }
  const std::string& reason() const { return reason_; }
  const std::optional<google::rpc::Status>& error() const { return error_; }
  // Keyed by epoch: an epoch that is replayed is the same epoch.
  const std::map<int, v1::EpochCompleted>& epochs() const { return epochs_; }
  const v1::EpochCompleted* last_epoch() const {
    return epochs_.empty() ? nullptr : &epochs_.rbegin()->second;
  }
  // Within the epoch that is in progress; unset between epochs.
  const std::optional<v1::TrainingProgress>& progress() const { return progress_; }
  const std::vector<v1::Warning>& warnings() const { return warnings_; }

  // From 0 to 1, over all epochs.
  double ShareDone() const;
  // Seconds until the last epoch ends, as the latest epochs went; unset where
  // nothing is known.
  std::optional<double> SecondsLeft() const;
  // Seconds of all epochs seen.
  double SecondsTrained() const;

 private:
  double EpochSeconds() const;

  v1::TrainingJob job_;
  v1::TrainingJob::State state_ = v1::TrainingJob::STATE_UNSPECIFIED;
  int attempt_ = 0;
  std::string reason_;
  std::optional<google::rpc::Status> error_;
  std::map<int, v1::EpochCompleted> epochs_;
  std::optional<v1::TrainingProgress> progress_;
  std::vector<v1::Warning> warnings_;
};

}  // namespace trainyard::client

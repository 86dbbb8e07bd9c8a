// The worker of one attempt at a job.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "server/jobs/job_service.h"

namespace trainyard::server {

// Passes what a training worker says to the job service, and the wish to stop
// to the worker. The pool calls the WorkerTask part, anybody the others.
class JobService::TrainingTask final : public WorkerTask {
 public:
  TrainingTask(JobService& jobs, QueuedJob key, int attempt, worker::v1::ServerMessage task)
      : jobs_(jobs), key_(std::move(key)), attempt_(attempt), task_(std::move(task)) {}

  // Tell the worker to stop, now or when it attaches; the later word counts.
  void Cancel();
  void Pause(const std::string& reason = "");
  // Asks the worker to pause at the end of its epoch, or within it; a word that
  // was said before stands.
  void Yield(bool within_epoch, const std::string& reason);

  absl::Status OnAttach(std::shared_ptr<WorkerLink> link, bool again) override;
  absl::Status OnMessage(const worker::v1::WorkerMessage& message) override;
  bool Done() const override { return done_; }
  bool OnDrain() override;
  void OnEnd(const std::string& how, bool draining) override;

 private:
  void Tell(const worker::v1::ServerMessage& message);

  JobService& jobs_;
  const QueuedJob key_;
  const int attempt_;
  const worker::v1::ServerMessage task_;
  std::atomic<bool> done_ = false;

  std::mutex mutex_;
  std::shared_ptr<WorkerLink> link_;               // guarded by mutex_
  std::optional<worker::v1::ServerMessage> stop_;  // guarded by mutex_
};

}  // namespace trainyard::server

// The long-lived worker that predicts, so that predictions never wait for
// training.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>

#include "absl/status/statusor.h"
#include "server/store/layout.h"
#include "server/workers/worker_pool.h"
#include "trainyard/v1/evaluation.pb.h"
#include "trainyard/worker/v1/worker.pb.h"

namespace trainyard::server {

// Starts its worker with the first prediction and again when it is lost. Any
// thread; calls wait for their answer.
class Predictor {
 public:
  Predictor(const Layout& layout, WorkerPool& pool) : layout_(layout), pool_(pool) {}

  // `task.id` is set here. Errors: what the worker answered; UNAVAILABLE where
  // it was lost; DEADLINE_EXCEEDED.
  absl::StatusOr<v1::PredictResponse> Predict(worker::v1::PredictTask task);

 private:
  class ServeTask;
  // A call that waits.
  struct Call {
    bool done = false;
    worker::v1::PredictOutcome outcome;
    absl::Status status;
  };

  absl::StatusOr<std::shared_ptr<WorkerLink>> Link(std::unique_lock<std::mutex>& lock);
  void Attached(std::shared_ptr<WorkerLink> link);
  void Answered(const worker::v1::PredictOutcome& outcome);
  void Ended(const std::string& how);

  const Layout& layout_;
  WorkerPool& pool_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::shared_ptr<WorkerLink> link_;       // guarded by mutex_
  bool starting_ = false;                  // guarded by mutex_
  int attempt_ = 0;                        // guarded by mutex_
  std::int64_t last_id_ = 0;               // guarded by mutex_
  std::map<std::int64_t, Call*> waiting_;  // guarded by mutex_
};

}  // namespace trainyard::server

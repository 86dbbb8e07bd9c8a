// The long-lived worker that predicts, infers and exports, so that none of these
// ever waits for training.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>

#include "absl/status/statusor.h"
#include "server/serving/frame_channel.h"
#include "server/store/layout.h"
#include "server/workers/worker_pool.h"
#include "trainyard/v1/evaluation.pb.h"
#include "trainyard/worker/v1/worker.pb.h"

namespace trainyard::server {

// Starts its worker with the first request and again when it is lost. Any thread.
class ServingWorker {
 public:
  // Errors: UNAVAILABLE where it cannot listen in the data directory.
  static absl::StatusOr<std::unique_ptr<ServingWorker>> Make(const Layout& layout,
                                                             WorkerPool& pool);

  // Waits for the answer. `task.id` is set here. Errors: what the worker answered;
  // UNAVAILABLE where it was lost; DEADLINE_EXCEEDED.
  absl::StatusOr<v1::PredictResponse> Predict(worker::v1::PredictTask task);

  // The exported file, in memory: open, and nowhere else. Waits; errors as above.
  absl::StatusOr<Descriptor> Export(const worker::v1::ExportTask& task);

  // Sends a request of server/frames/frame.h. `answered` hears of the answer
  // or of an error, as above, on a thread that it must not block.
  void Request(OutgoingFrame request, FrameChannel::Answered answered);

 private:
  class ServeTask;
  // A prediction that waits.
  struct Call {
    bool done = false;
    worker::v1::PredictOutcome outcome;
    absl::Status status;
  };

  ServingWorker(const Layout& layout, WorkerPool& pool, std::unique_ptr<FrameChannel> channel)
      : layout_(layout), pool_(pool), channel_(std::move(channel)) {}

  // Starts a worker where there is none, and does not wait for it.
  absl::Status Start(std::unique_lock<std::mutex>& lock);
  absl::StatusOr<std::shared_ptr<WorkerLink>> Link(std::unique_lock<std::mutex>& lock);
  void Attached(std::shared_ptr<WorkerLink> link);
  void Answered(const worker::v1::PredictOutcome& outcome);
  void Ended(const std::string& how);

  const Layout& layout_;
  WorkerPool& pool_;
  const std::unique_ptr<FrameChannel> channel_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::shared_ptr<WorkerLink> link_;       // guarded by mutex_
  bool starting_ = false;                  // guarded by mutex_
  int attempt_ = 0;                        // guarded by mutex_
  std::int64_t last_id_ = 0;               // guarded by mutex_
  std::map<std::int64_t, Call*> waiting_;  // guarded by mutex_
};

}  // namespace trainyard::server

// Follows a job's events, across broken connections.
#pragma once

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>

#include "client/lib/connection.h"

namespace trainyard::client {

// Told what a watch receives, on the thread that runs it.
class JobObserver {
 public:
  virtual ~JobObserver() = default;
  // Every event once, in order.
  virtual void OnEvent(const v1::TrainingEvent& event) = 0;
  virtual void OnProgress(const v1::TrainingProgress& /*progress*/) {}
  // The stream broke; the watch tries again after `delay`.
  virtual void OnInterrupted(const grpc::Status& /*status*/, std::chrono::milliseconds /*delay*/) {}
};

// A cursor over one job's events. When the stream breaks with UNAVAILABLE it is
// opened again after the last event that was seen, so that none is missed and
// none is seen twice. Run once; Stop from any thread.
class JobWatch {
 public:
  struct Options {
    // Full name.
    std::string job;
    std::int64_t after_sequence = 0;
    bool progress = false;
    // Without a message for this long after a break, the watch gives up.
    std::chrono::milliseconds give_up{30000};
    std::chrono::milliseconds first_delay{250};
  };

  JobWatch(Connection& connection, Options options);

  // OK after the last event of a job that has ended; CANCELLED after Stop; else
  // the server's error.
  grpc::Status Run(JobObserver& observer);
  // Ends Run soon.
  void Stop();

  std::int64_t last_sequence() const { return last_sequence_; }

 private:
  grpc::Status ReadStream(JobObserver& observer);
  void Deliver(const v1::WatchTrainingJobResponse& message, JobObserver& observer);
  // False when stopped.
  bool Sleep(std::chrono::milliseconds delay);

  Connection& connection_;
  const Options options_;
  std::int64_t last_sequence_;
  std::chrono::steady_clock::time_point last_message_;
  std::mutex mutex_;
  std::condition_variable stop_changed_;
  // Guarded by mutex_.
  bool stopped_ = false;
  grpc::ClientContext* stream_ = nullptr;
};

}  // namespace trainyard::client

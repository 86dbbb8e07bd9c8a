// Follows a job's events, across broken connections.
#pragma once

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <cstdint>
#include <string>

#include "client/lib/connection.h"
#include "client/lib/resuming_stream.h"

namespace trainyard::client {

// Told what a watch receives, on the thread that runs it.
class JobObserver {
 public:
  virtual ~JobObserver() = default;
  // Every event once, in order.
  virtual void OnEvent(const v1::TrainingEvent& event) = 0;
  virtual void OnProgress(const v1::TrainingProgress& /*progress*/) {}
  // The server keeps no events before this one.
  virtual void OnTrimmed(std::int64_t /*first_sequence*/) {}
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
    ResumingStream::Patience patience;
  };

  JobWatch(Connection& connection, Options options);

  // OK after the last event of a job that has ended; CANCELLED after Stop; else
  // the server's error. From the beginning means from the first event that is
  // kept.
  grpc::Status Run(JobObserver& observer);
  // Ends Run soon.
  void Stop() { stream_.Stop(); }

  std::int64_t last_sequence() const { return last_sequence_; }

 private:
  grpc::Status RunFrom(JobObserver& observer);
  grpc::Status Read(grpc::ClientContext& context, JobObserver& observer);
  void Deliver(const v1::WatchTrainingJobResponse& message, JobObserver& observer);

  Connection& connection_;
  const Options options_;
  std::int64_t last_sequence_;
  ResumingStream stream_;
};

// Told of the events of many jobs.
class JobsObserver {
 public:
  virtual ~JobsObserver() = default;
  // A message that has an event.
  virtual void OnEvent(const v1::WatchTrainingJobsResponse& message) = 0;
  virtual void OnInterrupted(const grpc::Status& /*status*/, std::chrono::milliseconds /*delay*/) {}
};

// The same over all jobs of a user.
class JobsWatch {
 public:
  JobsWatch(Connection& connection, v1::WatchTrainingJobsRequest request,
            ResumingStream::Patience patience = {});

  // CANCELLED after Stop; else the server's error.
  grpc::Status Run(JobsObserver& observer);
  void Stop() { stream_.Stop(); }

  // Where to go on.
  const std::string& cursor() const { return request_.cursor(); }

 private:
  Connection& connection_;
  v1::WatchTrainingJobsRequest request_;
  ResumingStream stream_;
};

}  // namespace trainyard::client

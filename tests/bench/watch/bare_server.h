// The least that a gRPC server can do to serve WatchTrainingJob: made-up events
// in memory, a write reactor for each call, and nothing else.
#pragma once

#include <grpcpp/grpcpp.h>

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_set>

#include "trainyard/v1/training.grpc.pb.h"

namespace trainyard::bench {

class BareReactor;

// The log that all streams read, and the streams that wait for its next event.
// Any thread.
class BareLog {
 public:
  // Begins with `history` events. Where `live` is false there will be no others,
  // and a stream ends after the last.
  BareLog(std::int64_t history, bool live);

  // Appends an event of now and wakes every stream.
  void Append();

  // The event after a cursor; null where there is none yet.
  const grpc::ByteBuffer* After(std::int64_t sequence);
  bool live() const { return live_; }

  void Add(const std::shared_ptr<BareReactor>& reactor);
  void Remove(const std::shared_ptr<BareReactor>& reactor);

 private:
  const bool live_;
  std::mutex mutex_;
  // Events stay where they are: streams write from here. Guarded by mutex_.
  std::deque<grpc::ByteBuffer> events_;
  std::unordered_set<std::shared_ptr<BareReactor>> reactors_;  // guarded by mutex_
};

// One stream: a cursor, and at most one write in flight.
class BareReactor final : public grpc::ServerWriteReactor<grpc::ByteBuffer>,
                          public std::enable_shared_from_this<BareReactor> {
 public:
  BareReactor(BareLog& log, std::int64_t cursor) : log_(log), cursor_(cursor) {}

  // Writes the next event unless a write is in flight. Any thread.
  void Next();

  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override { log_.Remove(shared_from_this()); }

 private:
  void FinishOnce(const grpc::Status& status);

  BareLog& log_;
  std::mutex mutex_;
  std::int64_t cursor_;    // guarded by mutex_
  bool writing_ = false;   // guarded by mutex_
  bool finished_ = false;  // guarded by mutex_
  bool broken_ = false;    // guarded by mutex_
};

class BareService final : public v1::TrainingService::WithRawCallbackMethod_WatchTrainingJob<
                              v1::TrainingService::Service> {
 public:
  explicit BareService(BareLog& log) : log_(log) {}
  grpc::ServerWriteReactor<grpc::ByteBuffer>* WatchTrainingJob(
      grpc::CallbackServerContext* context, const grpc::ByteBuffer* request) override;

 private:
  BareLog& log_;
};

}  // namespace trainyard::bench

// A client's stream of WatchTrainingJob that notes what it receives.
#pragma once

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "trainyard/v1/training.grpc.pb.h"

namespace trainyard::bench {

// What all watchers of a run share. Outlives them.
struct Run {
  std::string job;
  // While it is true, lags are kept and messages counted.
  std::atomic<bool> measuring{false};
  std::atomic<std::int64_t> measured_messages{0};
  // Watchers that have received something.
  std::atomic<int> opened{0};
  // The greatest sequence that anybody has received.
  std::atomic<std::int64_t> newest{0};
};

// Opened, closed and opened again by one thread; gRPC's reactions run on
// others. Begins after `cursor` and goes on from where it was.
class Watcher final : public grpc::ClientReadReactor<v1::WatchTrainingJobResponse> {
 public:
  enum class Kind {
    // Reads all the time; its lags are kept.
    kReader,
    // Stops reading after its first message, until ReadOn.
    kSilent,
    // Is closed and opened again now and then.
    kChurning
  };

  // Sequences that did not follow the one before.
  struct Violations {
    std::int64_t gaps = 0;
    // Of the sequence before, or of an older one.
    std::int64_t doubles = 0;
    std::int64_t out_of_order = 0;
  };

  Watcher(Run& run, v1::TrainingService::Stub& stub, Kind kind, std::int64_t cursor)
      : run_(run), stub_(stub), kind_(kind), cursor_(cursor) {}

  void Open();
  // Lets a silent one read; once for each Open.
  void ReadOn();
  // Cancels. Wait says when the stream is gone.
  void Cancel() { context_->TryCancel(); }
  // The status with which the stream has ended.
  grpc::Status Wait();
  bool done();

  void OnReadDone(bool ok) override;
  void OnDone(const grpc::Status& status) override;

  Kind kind() const { return kind_; }
  std::int64_t cursor() const { return cursor_; }
  // From here on only after Wait.
  const Violations& violations() const { return violations_; }
  std::int64_t received() const { return received_; }
  // Milliseconds from an event's time to its receipt.
  const std::vector<float>& lags() const { return lags_; }

 private:
  void Note(const v1::TrainingEvent& event);
  void Check(std::int64_t sequence);

  Run& run_;
  v1::TrainingService::Stub& stub_;
  const Kind kind_;
  std::optional<grpc::ClientContext> context_;
  v1::WatchTrainingJobRequest request_;

  // Written by the reactions of one stream, which are never two at once.
  std::atomic<std::int64_t> cursor_;
  std::atomic<bool> reading_on_{true};
  bool opened_ = false;
  v1::WatchTrainingJobResponse message_;
  Violations violations_;
  std::int64_t received_ = 0;
  std::vector<float> lags_;

  std::mutex mutex_;
  std::condition_variable ended_;
  std::optional<grpc::Status> status_;  // guarded by mutex_
};

}  // namespace trainyard::bench

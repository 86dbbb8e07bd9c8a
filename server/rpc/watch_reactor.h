// The stream of one watcher: a cursor over the event log.
#pragma once

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_set>
#include <utility>

#include "server/auth/gatekeeper.h"
#include "server/events/event_listener.h"
#include "server/events/stepper.h"
#include "server/rpc/watch_source.h"

namespace trainyard::server {

class WatchReactor;

struct WatchTimes {
  // A stream on which nothing was sent for so long gets a bookmark.
  std::chrono::milliseconds bookmark_after{15'000};
  // A client that has not taken a message for so long is dropped.
  std::chrono::milliseconds stalled_after{120'000};
};

// What all streams share: who runs their steps, and which there are. Outlives them.
class WatchContext {
 public:
  explicit WatchContext(Stepper& step, WatchTimes stream_times = {})
      : stepper(step), times(stream_times) {}
  ~WatchContext() {
    // After the last stream's OnDone, which gRPC itself sees to; ThreadSanitizer does not
    // see gRPC.
    const std::lock_guard lock(mutex_);
  }
  WatchContext(const WatchContext&) = delete;
  WatchContext& operator=(const WatchContext&) = delete;

  // Every stream, present and future, ends with UNAVAILABLE.
  void Drain();
  bool draining() const { return draining_; }

  Stepper& stepper;
  const WatchTimes times;
  // Hears how many seconds after its commit a live event has been taken; set before
  // there are streams.
  std::function<void(double)> on_delivered;

 private:
  friend class WatchReactor;
  std::atomic<bool> draining_ = false;
  std::mutex mutex_;
  std::unordered_set<std::shared_ptr<WatchReactor>> reactors_;  // guarded by mutex_
};

// At most one message is in flight and a few are read ahead: a slow client costs a
// cursor. What may block (reading the log) or ends the stream happens in Step alone,
// on the stepper's threads; a reaction of gRPC notes what happened and wakes it, but
// for OnWriteDone, which sends what is read ahead itself: while a write is in flight
// Step leaves the stream to it. Owned by the context until OnDone.
class WatchReactor final : public grpc::ServerWriteReactor<grpc::ByteBuffer>,
                           public Steppable,
                           public EventListener,
                           public std::enable_shared_from_this<WatchReactor> {
 public:
  // Begins to serve a call; gRPC keeps the pointer until OnDone.
  static WatchReactor* Start(WatchContext& context, grpc::CallbackServerContext* call,
                             absl::StatusOr<Admission> admission,
                             std::unique_ptr<WatchSource> source);

  WatchReactor(WatchContext& context, grpc::CallbackServerContext* call,
               absl::StatusOr<Admission> admission, std::unique_ptr<WatchSource> source)
      : context_(context),
        call_(call),
        admission_(std::move(admission)),
        source_(std::move(source)) {}

  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

  void OnEvents() override;
  void OnProgress(const WireMessage& progress) override;

  void Step() override;

 private:
  using Clock = std::chrono::steady_clock;

  void Wake();
  void TellLag(Clock::time_point published) const;
  void SendAhead();
  // What Step has found to do, with no lock held.
  void Open();
  void SendNext();
  void Send(const WireMessage& message);
  void End(const grpc::Status& status);
  std::optional<WireMessage> NextOffer();
  bool DropStalled();
  bool Revoked() const;

  WatchContext& context_;
  grpc::CallbackServerContext* const call_;
  // Counts as a stream until it is destroyed.
  const absl::StatusOr<Admission> admission_;

  // Owned by Step, and while a write is in flight by OnWriteDone.
  const std::unique_ptr<WatchSource> source_;
  bool open_ = false;
  std::deque<WireMessage> ahead_;
  grpc::ByteBuffer in_flight_;
  const Clock::time_point begin_ = Clock::now();
  Clock::time_point last_progress_{};

  std::mutex mutex_;
  Clock::time_point in_flight_published_{};      // guarded by mutex_
  Clock::time_point last_write_ = Clock::now();  // guarded by mutex_
  bool writing_ = false;                         // guarded by mutex_
  bool finished_ = false;                        // guarded by mutex_
  bool broken_ = false;                          // cancelled, or a write failed; guarded by mutex_
  std::optional<WireMessage> progress_;          // newest not yet sent; guarded by mutex_
};

}  // namespace trainyard::server

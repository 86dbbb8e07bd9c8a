// The stream of one watcher: a cursor over the event log.
#pragma once

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_set>
#include <utility>

#include "server/auth/gatekeeper.h"
#include "server/events/event_hub.h"
#include "server/events/stepper.h"
#include "server/rpc/watch_source.h"

namespace trainyard::server {

class WatchReactor;

// What all streams share: where they take events from, who runs their steps,
// and which there are. Outlives them.
class WatchContext {
 public:
  WatchContext(EventHub& event_hub, Stepper& step) : hub(event_hub), stepper(step) {}

  // Every stream, present and future, ends with UNAVAILABLE.
  void Drain();
  bool draining();

  EventHub& hub;
  Stepper& stepper;
  // Hears how many seconds after its commit a live event has been taken; set before
  // there are streams.
  std::function<void(double)> on_delivered;

 private:
  friend class WatchReactor;
  std::mutex mutex_;
  bool draining_ = false;                                       // guarded by mutex_
  std::unordered_set<std::shared_ptr<WatchReactor>> reactors_;  // guarded by mutex_
};

// gRPC's reactions only note what happened and wake the stepper; Step alone
// starts a write or finishes, so there is never a second write outstanding and
// Finish is called once. At most one message is in flight and a few are read
// ahead: a slow client costs a cursor. Owned by the context until OnDone.
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
  void TellLag();
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

  // Owned by Step.
  const std::unique_ptr<WatchSource> source_;
  bool open_ = false;
  std::deque<WireMessage> ahead_;
  grpc::ByteBuffer in_flight_;
  Clock::time_point in_flight_published_{};
  const Clock::time_point begin_ = Clock::now();
  Clock::time_point last_write_ = Clock::now();
  Clock::time_point last_progress_{};

  std::mutex mutex_;
  bool writing_ = false;                 // guarded by mutex_
  bool finished_ = false;                // guarded by mutex_
  bool broken_ = false;                  // cancelled, or a write failed; guarded by mutex_
  std::optional<WireMessage> progress_;  // newest not yet sent; guarded by mutex_
};

}  // namespace trainyard::server

// What a watcher's stream is a cursor over.
#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/events/event_hub.h"
#include "server/resources/names.h"

namespace trainyard::server {

// One stream's request and cursor. Used by one thread at a time.
class WatchSource {
 public:
  struct Batch {
    std::vector<WireMessage> messages;
    // Where there are no messages: the stream has come to its end.
    bool ended = false;
    // Where there are no messages: more of the log is to be looked at.
    bool more = false;
  };

  virtual ~WatchSource() = default;

  // Checks the request and begins to tell `listener`.
  virtual absl::Status Open(const std::shared_ptr<EventListener>& listener) = 0;
  virtual void Close(const std::shared_ptr<EventListener>& listener) = 0;

  // The next messages after the cursor, which stays where it is.
  virtual absl::StatusOr<Batch> Fetch(int limit) = 0;
  // The cursor goes on: this message is being sent.
  virtual void Sent(const WireMessage& message) = 0;

  virtual bool wants_progress() const = 0;
  // What says on an idle stream where the cursor is.
  virtual WireMessage Bookmark() const = 0;
  // UNAVAILABLE, with the cursor.
  virtual absl::Status ShuttingDown() const = 0;
};

// For WatchTrainingJob and WatchTrainingJobs; `request` is not parsed yet.
std::unique_ptr<WatchSource> WatchOneJob(EventHub& hub, const Caller& caller,
                                         const grpc::ByteBuffer& request);
std::unique_ptr<WatchSource> WatchManyJobs(EventHub& hub, const Caller& caller,
                                           const grpc::ByteBuffer& request);
// For a call that was not admitted: ends with `why`.
std::unique_ptr<WatchSource> Refusal(absl::Status why);

}  // namespace trainyard::server

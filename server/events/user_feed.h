// The events of many jobs as one stream, in the order in which they became
// durable.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/events/event_listener.h"
#include "server/events/log_starts.h"
#include "server/store/store.h"

namespace trainyard::server {

// Whose events a listener wants.
struct FeedFilter {
  // users/{user}
  std::string parent;
  // Uids of jobs; all of the parent's where it is empty.
  std::unordered_set<std::string> job_uids;
};

// Like EventHub, for cursors over the whole log: a cursor is the id of an event.
// Any thread.
class UserFeed {
 public:
  UserFeed(Store& store, LogStarts starts) : store_(store), starts_(std::move(starts)) {}

  // The next events after a cursor.
  struct Batch {
    // Their `sequence` is the event's id.
    std::vector<WireMessage> events;
    // Up to here nothing else is wanted: the next cursor. Where there are no
    // events and it is not `after_id`, there may be more after it.
    std::int64_t scanned_to = 0;
  };

  // Where a listener begins.
  struct Start {
    std::int64_t after_id = 0;
    // Up to this id events have been trimmed by now.
    std::int64_t trimmed = 0;
  };
  // Begins to tell `listener`. INVALID_ARGUMENT where `cursor` is none; OUT_OF_RANGE where
  // it is in the future or of another log, or events after it have been trimmed; empty is
  // from what there is.
  absl::StatusOr<Start> Subscribe(const FeedFilter& filter, const std::string& cursor,
                                  const std::shared_ptr<EventListener>& listener);
  void Unsubscribe(const std::shared_ptr<EventListener>& listener);

  // At most `limit` events after the cursor of a subscribed listener; looks at a
  // bounded part of the log. OUT_OF_RANGE where the listener was so slow that events
  // after its cursor have been trimmed since Subscribe said `trimmed`.
  absl::StatusOr<Batch> Fetch(const FeedFilter& filter, std::int64_t after_id, int limit,
                              std::int64_t trimmed);

  // These events of a job are durable now.
  void Published(const std::string& job_name, const std::string& job_uid,
                 const std::vector<EventRow>& events);

  // What clients hold.
  std::string CursorOf(std::int64_t id) const { return starts_.CursorOf(id); }

 private:
  struct Entry {
    std::string job_uid;
    std::string parent;
    WireMessage message;
  };

  WireMessage WireOf(const std::string& job_name, const EventRow& row) const;
  absl::Status OutOfRange(std::int64_t trimmed, std::int64_t last, const std::string& why) const;
  static bool Wants(const FeedFilter& filter, const Entry& entry);
  bool TakeFromTail(const FeedFilter& filter, std::int64_t after_id, int limit, Batch& batch);

  Store& store_;
  const LogStarts starts_;
  std::mutex mutex_;
  // The newest events, while somebody listens. Guarded by mutex_.
  std::deque<Entry> tail_;
  // At least this id has been given. Guarded by mutex_.
  std::int64_t last_id_ = 0;
  std::unordered_map<std::shared_ptr<EventListener>, FeedFilter> listeners_;  // guarded by mutex_
};

}  // namespace trainyard::server

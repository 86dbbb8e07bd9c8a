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
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/events/event_listener.h"
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
  explicit UserFeed(Store& store) : store_(store) {}

  // The next events after a cursor.
  struct Batch {
    // Their `sequence` is the event's id.
    std::vector<WireMessage> events;
    // Up to here nothing else is wanted: the next cursor. Where there are no
    // events and it is not `after_id`, there may be more after it.
    std::int64_t scanned_to = 0;
  };

  // Begins to tell `listener`. OUT_OF_RANGE where `after_id` is in the future, or
  // events after it have been trimmed; 0 is from what there is. Returns up to which id
  // events have been trimmed by now.
  absl::StatusOr<std::int64_t> Subscribe(const FeedFilter& filter, std::int64_t after_id,
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

  // What clients hold: the id, said so that nobody takes it for a sequence.
  static std::string CursorOf(std::int64_t id);
  // INVALID_ARGUMENT where `cursor` is none.
  static absl::StatusOr<std::int64_t> IdOf(const std::string& cursor);

 private:
  struct Entry {
    std::string job_uid;
    std::string parent;
    WireMessage message;
  };

  static bool Wants(const FeedFilter& filter, const Entry& entry);
  bool TakeFromTail(const FeedFilter& filter, std::int64_t after_id, int limit, Batch& batch);

  Store& store_;
  std::mutex mutex_;
  // The newest events, while somebody listens. Guarded by mutex_.
  std::deque<Entry> tail_;
  // At least this id has been given. Guarded by mutex_.
  std::int64_t last_id_ = 0;
  std::unordered_map<std::shared_ptr<EventListener>, FeedFilter> listeners_;  // guarded by mutex_
};

}  // namespace trainyard::server

// Between the durable event log and those who watch it.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
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
#include "server/events/history_pages.h"
#include "server/events/user_feed.h"
#include "server/store/store.h"
#include "trainyard/v1/training.pb.h"

namespace trainyard::server {

// Wakes listeners after a commit and hands out events by cursor. The log in
// the store is the truth: what is kept here is a copy of the newest events of
// jobs that are watched. Any thread.
class EventHub {
 public:
  explicit EventHub(Store& store, LogStarts starts = {})
      : store_(store), feed_(store, std::move(starts)) {}

  // The same events, of many jobs at once.
  UserFeed& feed() { return feed_; }

  // Hears of all events after their commits; set before there are any.
  std::function<void(const std::string& job_uid, const std::vector<EventRow>& events)> on_published;

  // The next events after a cursor.
  struct Batch {
    std::vector<WireMessage> events;
    // Where there are no events: the job has ended and has no more.
    bool ended = false;
  };

  // Begins to tell `listener` about a job. OUT_OF_RANGE where `after_sequence`
  // is in the future or trimmed, NOT_FOUND where there is no such job.
  absl::Status Subscribe(const std::string& job_name, std::int64_t after_sequence,
                         const std::shared_ptr<EventListener>& listener, std::string& job_uid);
  void Unsubscribe(const std::string& job_uid, const std::shared_ptr<EventListener>& listener);

  // NOT_FOUND where there is no such job.
  absl::StatusOr<std::string> UidOf(const std::string& job_name);

  // At most `limit` events after the cursor of a subscribed listener.
  // NOT_FOUND where the job has been deleted meanwhile, OUT_OF_RANGE where the
  // listener was so slow that its next events have been trimmed.
  absl::StatusOr<Batch> Fetch(const std::string& job_uid, std::int64_t after_sequence, int limit);

  // Whose events there are.
  struct JobKey {
    std::string name;
    std::string uid;
  };
  // These events are durable now. `terminal` where the last one ends the job.
  void Published(const JobKey& job, const std::vector<EventRow>& events, bool terminal);
  void Progress(const std::string& job_uid, const v1::TrainingProgress& progress);
  void Deleted(const std::string& job_uid);

 private:
  // A job that somebody watches.
  struct Topic {
    std::int64_t last_sequence = 0;
    bool terminal = false;
    bool deleted = false;
    std::deque<WireMessage> tail;
    std::unordered_set<std::shared_ptr<EventListener>> listeners;
  };

  // Memory for old events that are read again and again.
  static constexpr std::size_t kPagesBytes = std::size_t{16} << 20;

  std::vector<std::shared_ptr<EventListener>> ListenersOf(const std::string& job_uid);
  // The page in which the next event after the cursor is, as far as it is there.
  absl::StatusOr<HistoryPages::Page> PageOf(const std::string& job_uid,
                                            std::int64_t after_sequence);

  Store& store_;
  UserFeed feed_;
  HistoryPages pages_{kPagesBytes};
  std::mutex mutex_;
  std::unordered_map<std::string, Topic> topics_;  // by uid; guarded by mutex_
};

// The wire form of a stored event.
WireMessage WireEvent(const EventRow& event);

// OUT_OF_RANGE, with where the log begins and ends, unless a job's events after
// this sequence are all there.
absl::Status CheckCursor(const v1::TrainingJob& job, std::int64_t after_sequence);

// Whether a job in this state has ended.
bool IsTerminal(v1::TrainingJob::State state);

}  // namespace trainyard::server

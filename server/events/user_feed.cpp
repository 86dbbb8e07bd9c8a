#include "server/events/user_feed.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "core/base/error.h"
#include "core/base/text.h"
#include "trainyard/v1/training.pb.h"

namespace trainyard::server {
namespace {

// Newest events kept; older ones are read from the store.
constexpr std::size_t kTail = 1024;
// Of the log, at once: a user whose jobs are rare must not hold a thread.
constexpr std::int64_t kScan = 4096;

constexpr char kCursorMark = 'c';

std::string ParentOf(const std::string& job_name) {
  return job_name.substr(0, job_name.find("/jobs/"));
}

WireMessage WireOf(const std::string& job_name, const EventRow& row) {
  v1::WatchTrainingJobsResponse response;
  response.mutable_event()->set_job(job_name);
  response.mutable_event()->mutable_event()->ParseFromString(row.body);
  response.set_cursor(UserFeed::CursorOf(row.id));
  return {row.id, grpc::Slice(response.SerializeAsString())};
}

absl::Status OutOfRange(std::int64_t trimmed, std::int64_t last, std::int64_t after_id) {
  return MakeError(absl::StatusCode::kOutOfRange,
                   {"CURSOR_OUT_OF_RANGE",
                    "cursor",
                    {{"earliest_cursor", UserFeed::CursorOf(trimmed)},
                     {"last_cursor", UserFeed::CursorOf(last)}}},
                   StrCat(after_id > last ? "cursor is in the future: another server gave it"
                                          : "events after cursor have been trimmed",
                          "; list the jobs and go on from the list's cursor"));
}

// The newest id of the log, and up to which events have been trimmed.
absl::Status EndsOf(Reader& reader, std::int64_t& last, std::int64_t& trimmed) {
  auto last_id = reader.LastEventId();
  if (!last_id.ok()) return last_id.status();
  auto trimmed_id = reader.LastTrimmedEventId();
  if (!trimmed_id.ok()) return trimmed_id.status();
  last = *last_id;
  trimmed = *trimmed_id;
  return absl::OkStatus();
}

}  // namespace

std::string UserFeed::CursorOf(std::int64_t id) { return StrCat(std::string(1, kCursorMark), id); }

absl::StatusOr<std::int64_t> UserFeed::IdOf(const std::string& cursor) {
  std::int64_t id = 0;
  if (cursor.empty()) return id;
  const bool is_one = cursor.front() == kCursorMark && absl::SimpleAtoi(cursor.substr(1), &id) &&
                      id >= 0 && CursorOf(id) == cursor;
  if (is_one) return id;
  return FieldError("cursor", "INVALID_CURSOR",
                    "cursor is not one that a list or a stream of jobs has given");
}

bool UserFeed::Wants(const FeedFilter& filter, const Entry& entry) {
  if (!filter.parent.empty() && filter.parent != entry.parent) return false;
  return filter.job_uids.empty() || filter.job_uids.contains(entry.job_uid);
}

absl::StatusOr<std::int64_t> UserFeed::Subscribe(const FeedFilter& filter, std::int64_t after_id,
                                                 const std::shared_ptr<EventListener>& listener) {
  {
    const std::lock_guard lock(mutex_);
    listeners_[listener] = filter;
  }
  // Only now, so that no event can be missed.
  std::int64_t last = 0;
  std::int64_t trimmed = 0;
  auto status = store_.Read([&](Reader& reader) -> absl::Status {
    auto ends = EndsOf(reader, last, trimmed);
    if (!ends.ok()) return ends;
    // The beginning, 0, is what there is.
    const bool there = after_id <= last && (after_id == 0 || after_id >= trimmed);
    return there ? absl::OkStatus() : OutOfRange(trimmed, last, after_id);
  });
  if (!status.ok()) {
    Unsubscribe(listener);
    return status;
  }
  const std::lock_guard lock(mutex_);
  last_id_ = std::max(last_id_, last);
  return trimmed;
}

void UserFeed::Unsubscribe(const std::shared_ptr<EventListener>& listener) {
  const std::lock_guard lock(mutex_);
  listeners_.erase(listener);
  if (listeners_.empty()) tail_.clear();
}

bool UserFeed::TakeFromTail(const FeedFilter& filter, std::int64_t after_id, int limit,
                            Batch& batch) {
  const std::lock_guard lock(mutex_);
  if (after_id >= last_id_) return true;
  if (tail_.empty() || tail_.front().message.sequence > after_id + 1) return false;
  const auto skip = after_id + 1 - tail_.front().message.sequence;
  if (skip >= static_cast<std::int64_t>(tail_.size())) return false;
  for (auto next = tail_.begin() + skip; next != tail_.end(); ++next) {
    if (static_cast<int>(batch.events.size()) == limit) break;
    batch.scanned_to = next->message.sequence;
    if (Wants(filter, *next)) batch.events.push_back(next->message);
  }
  return true;
}

absl::StatusOr<UserFeed::Batch> UserFeed::Fetch(const FeedFilter& filter, std::int64_t after_id,
                                                int limit, std::int64_t trimmed) {
  Batch batch;
  batch.scanned_to = after_id;
  if (TakeFromTail(filter, after_id, limit, batch)) return batch;
  const auto status = store_.Read([&](Reader& reader) -> absl::Status {
    std::int64_t last = 0;
    std::int64_t trimmed_now = 0;
    auto ends = EndsOf(reader, last, trimmed_now);
    if (!ends.ok()) return ends;
    if (trimmed_now > std::max(trimmed, after_id)) return OutOfRange(trimmed_now, last, after_id);
    const std::int64_t up_to = std::min(last, after_id + kScan);
    auto rows = reader.EventsOfUser(filter.parent, after_id, up_to, limit);
    if (!rows.ok()) return rows.status();
    const bool full = static_cast<int>(rows->size()) == limit;
    batch.scanned_to = full ? rows->back().event.id : up_to;
    for (const LoggedEvent& row : *rows) {
      if (!filter.job_uids.empty() && !filter.job_uids.contains(row.job_uid)) continue;
      batch.events.push_back(WireOf(row.job_name, row.event));
    }
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  return batch;
}

void UserFeed::Published(const std::string& job_name, const std::string& job_uid,
                         const std::vector<EventRow>& events) {
  std::vector<std::shared_ptr<EventListener>> woken;
  {
    const std::lock_guard lock(mutex_);
    if (listeners_.empty()) return;
    for (const EventRow& row : events) {
      // Two commits may be announced in either order: a tail with a gap would be
      // a lie, an empty one only costs a read.
      if (!tail_.empty() && tail_.back().message.sequence + 1 != row.id) tail_.clear();
      tail_.push_back({job_uid, ParentOf(job_name), WireOf(job_name, row)});
      tail_.back().message.published = std::chrono::steady_clock::now();
      if (tail_.size() > kTail) tail_.pop_front();
      last_id_ = std::max(last_id_, row.id);
    }
    const Entry last = {job_uid, ParentOf(job_name), {}};
    for (const auto& [listener, filter] : listeners_) {
      if (Wants(filter, last)) woken.push_back(listener);
    }
  }
  for (const auto& listener : woken) listener->OnEvents();
}

}  // namespace trainyard::server

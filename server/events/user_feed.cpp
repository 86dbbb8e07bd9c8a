#include "server/events/user_feed.h"

#include <algorithm>

#include "core/base/error.h"
#include "core/base/text.h"
#include "trainyard/v1/training.pb.h"

namespace trainyard::server {
namespace {

// Newest events kept; older ones are read from the store.
constexpr std::size_t kTail = 1024;
// Of the log, at once: a user whose jobs are rare must not hold a thread.
constexpr std::int64_t kScan = 4096;

std::string ParentOf(const std::string& job_name) {
  return job_name.substr(0, job_name.find("/jobs/"));
}

constexpr char kTrimmed[] = "events after cursor have been trimmed";
constexpr char kOfAnotherLog[] =
    "cursor was given by another server, or by this one before an older copy of its directory "
    "was put back";

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

WireMessage UserFeed::WireOf(const std::string& job_name, const EventRow& row) const {
  v1::WatchTrainingJobsResponse response;
  response.mutable_event()->set_job(job_name);
  response.mutable_event()->mutable_event()->ParseFromString(row.body);
  response.set_cursor(CursorOf(row.id));
  return {row.id, grpc::Slice(response.SerializeAsString())};
}

absl::Status UserFeed::OutOfRange(std::int64_t trimmed, std::int64_t last,
                                  const std::string& why) const {
  return MakeError(absl::StatusCode::kOutOfRange,
                   {"CURSOR_OUT_OF_RANGE",
                    "cursor",
                    {{"earliest_cursor", CursorOf(trimmed)}, {"last_cursor", CursorOf(last)}}},
                   StrCat(why, "; list the jobs and go on from the list's cursor"));
}

bool UserFeed::Wants(const FeedFilter& filter, const Entry& entry) {
  if (!filter.parent.empty() && filter.parent != entry.parent) return false;
  return filter.job_uids.empty() || filter.job_uids.contains(entry.job_uid);
}

absl::StatusOr<UserFeed::Start> UserFeed::Subscribe(
    const FeedFilter& filter, const std::string& cursor,
    const std::shared_ptr<EventListener>& listener) {
  auto id = LogStarts::IdOf(cursor);
  if (!id.ok()) return id.status();
  Start start = {*id, 0};
  {
    const std::lock_guard lock(mutex_);
    listeners_[listener] = filter;
  }
  // Only now, so that no event can be missed.
  std::int64_t last = 0;
  auto status = store_.Read([&](Reader& reader) -> absl::Status {
    auto ends = EndsOf(reader, last, start.trimmed);
    if (!ends.ok()) return ends;
    const bool ours = start.after_id <= last && (cursor.empty() || CursorOf(*id) == cursor);
    if (!ours) return OutOfRange(start.trimmed, last, kOfAnotherLog);
    // The beginning, 0, is what there is.
    const bool there = start.after_id == 0 || start.after_id >= start.trimmed;
    return there ? absl::OkStatus() : OutOfRange(start.trimmed, last, kTrimmed);
  });
  if (!status.ok()) {
    Unsubscribe(listener);
    return status;
  }
  const std::lock_guard lock(mutex_);
  last_id_ = std::max(last_id_, last);
  return start;
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
    if (trimmed_now > std::max(trimmed, after_id)) return OutOfRange(trimmed_now, last, kTrimmed);
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

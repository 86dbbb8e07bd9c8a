#include "server/events/event_hub.h"

#include <algorithm>

#include "core/base/error.h"
#include "core/base/text.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "trainyard/store/v1/records.pb.h"

namespace trainyard::server {
namespace {

// Newest events kept for each watched job; older ones are read from the store.
constexpr std::size_t kTail = 256;

// A message with one length-delimited field, written without parsing it.
grpc::Slice Wrap(int field, std::string_view body) {
  std::string bytes;
  bytes.reserve(body.size() + 12);
  {
    google::protobuf::io::StringOutputStream output(&bytes);
    google::protobuf::io::CodedOutputStream coded(&output);
    coded.WriteTag(static_cast<std::uint32_t>(field << 3 | 2));
    coded.WriteVarint32(static_cast<std::uint32_t>(body.size()));
    coded.WriteRaw(body.data(), static_cast<int>(body.size()));
  }
  return grpc::Slice(bytes);
}

}  // namespace

bool IsTerminal(v1::TrainingJob::State state) {
  return state == v1::TrainingJob::SUCCEEDED || state == v1::TrainingJob::FAILED ||
         state == v1::TrainingJob::CANCELLED;
}

absl::Status CheckCursor(const v1::TrainingJob& job, std::int64_t after_sequence) {
  if (after_sequence < 0) {
    return FieldError("after_sequence", "NEGATIVE", "after_sequence is negative");
  }
  const std::int64_t last = job.last_sequence();
  const std::int64_t earliest = job.first_sequence();
  if (after_sequence <= last && after_sequence >= earliest - 1) return absl::OkStatus();
  return MakeError(
      absl::StatusCode::kOutOfRange,
      {"CURSOR_OUT_OF_RANGE",
       "after_sequence",
       {{"earliest_sequence", StrCat(earliest)}, {"last_sequence", StrCat(last)}}},
      after_sequence > last
          ? StrCat("after_sequence ", after_sequence, " is in the future: the last event is ", last,
                   "; watch again after that, or from 0")
          : StrCat("events after sequence ", after_sequence, " have been trimmed: the earliest is ",
                   earliest, "; watch after_sequence ", earliest - 1));
}

WireMessage WireEvent(const EventRow& event) {
  return {event.sequence, Wrap(v1::WatchTrainingJobResponse::kEventFieldNumber, event.body)};
}

absl::Status EventHub::Subscribe(const std::string& job_name, std::int64_t after_sequence,
                                 const std::shared_ptr<EventListener>& listener,
                                 std::string& job_uid) {
  const auto load = [&](ResourceRow& row, store::v1::JobRecord& record) {
    auto status = store_.Read([&](Reader& reader) -> absl::Status {
      auto found = reader.Get(ResourceKind::kJob, job_name);
      if (!found.ok()) return found.status();
      row = *std::move(found);
      return absl::OkStatus();
    });
    if (status.ok()) record.ParseFromString(row.body);
    return status;
  };
  ResourceRow row;
  store::v1::JobRecord record;
  if (auto status = load(row, record); !status.ok()) return status;
  if (auto status = CheckCursor(record.job(), after_sequence); !status.ok()) return status;
  {
    const std::lock_guard lock(mutex_);
    topics_[row.uid].listeners.insert(listener);
  }
  // Again, now that no event can be missed.
  const std::string uid = row.uid;
  auto status = load(row, record);
  if (status.ok() && row.uid != uid) {
    status = MakeError(absl::StatusCode::kNotFound, {"NOT_FOUND", "", {{"resource", job_name}}},
                       StrCat(job_name, " has been deleted, and another one made"));
  }
  if (!status.ok()) {
    Unsubscribe(uid, listener);
    return status;
  }
  const std::lock_guard lock(mutex_);
  Topic& topic = topics_[row.uid];
  topic.last_sequence = std::max(topic.last_sequence, std::int64_t{record.job().last_sequence()});
  topic.terminal = topic.terminal || IsTerminal(record.job().state());
  job_uid = row.uid;
  return absl::OkStatus();
}

absl::StatusOr<std::string> EventHub::UidOf(const std::string& job_name) {
  std::string uid;
  auto status = store_.Read([&](Reader& reader) -> absl::Status {
    auto row = reader.Get(ResourceKind::kJob, job_name);
    if (row.ok()) uid = row->uid;
    return row.status();
  });
  if (!status.ok()) return status;
  return uid;
}

void EventHub::Unsubscribe(const std::string& job_uid,
                           const std::shared_ptr<EventListener>& listener) {
  const std::lock_guard lock(mutex_);
  const auto found = topics_.find(job_uid);
  if (found == topics_.end()) return;
  found->second.listeners.erase(listener);
  if (found->second.listeners.empty()) topics_.erase(found);
}

absl::StatusOr<EventHub::Batch> EventHub::Fetch(const std::string& job_uid,
                                                std::int64_t after_sequence, int limit) {
  Batch batch;
  {
    const std::lock_guard lock(mutex_);
    const auto found = topics_.find(job_uid);
    if (found == topics_.end() || found->second.deleted) {
      return MakeError(absl::StatusCode::kNotFound, {"NOT_FOUND", "", {}},
                       "the job has been deleted");
    }
    const Topic& topic = found->second;
    if (after_sequence >= topic.last_sequence) {
      batch.ended = topic.terminal;
      return batch;
    }
    if (!topic.tail.empty() && topic.tail.front().sequence <= after_sequence + 1) {
      // Beyond the tail where the announcement of an early event came last.
      auto next = static_cast<std::size_t>(after_sequence + 1 - topic.tail.front().sequence);
      for (; next < topic.tail.size() && static_cast<int>(batch.events.size()) < limit; ++next) {
        batch.events.push_back(topic.tail[next]);
      }
      if (!batch.events.empty()) return batch;
    }
  }
  const auto page = PageOf(job_uid, after_sequence);
  if (!page.ok()) return page.status();
  auto next = std::ranges::upper_bound(**page, after_sequence, {}, &WireMessage::sequence);
  if (next != (*page)->end() && next->sequence != after_sequence + 1) {
    return MakeError(
        absl::StatusCode::kOutOfRange,
        {"CURSOR_OUT_OF_RANGE", "after_sequence", {{"earliest_sequence", StrCat(next->sequence)}}},
        StrCat("events after sequence ", after_sequence, " have been trimmed; watch ",
               "after_sequence ", next->sequence - 1));
  }
  for (; next != (*page)->end() && static_cast<int>(batch.events.size()) < limit; ++next) {
    batch.events.push_back(*next);
  }
  return batch;
}

absl::StatusOr<HistoryPages::Page> EventHub::PageOf(const std::string& job_uid,
                                                    std::int64_t after_sequence) {
  const std::int64_t start = HistoryPages::StartOf(after_sequence);
  if (auto page = pages_.Find(job_uid, start)) return page;
  auto messages = std::make_shared<std::vector<WireMessage>>();
  const auto status = store_.Read([&](Reader& reader) -> absl::Status {
    // What is trimmed may end within the page, or far behind it.
    auto rows = reader.Events(job_uid, start, HistoryPages::kSize);
    if (!rows.ok()) return rows.status();
    for (const EventRow& row : *rows) messages->push_back(WireEvent(row));
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  const bool whole = std::ssize(*messages) == HistoryPages::kSize &&
                     messages->back().sequence == start + HistoryPages::kSize;
  if (whole) pages_.Keep(job_uid, start, messages);
  return messages;
}

std::vector<std::shared_ptr<EventListener>> EventHub::ListenersOf(const std::string& job_uid) {
  const std::lock_guard lock(mutex_);
  const auto found = topics_.find(job_uid);
  if (found == topics_.end()) return {};
  return {found->second.listeners.begin(), found->second.listeners.end()};
}

void EventHub::Published(const JobKey& job, const std::vector<EventRow>& events, bool terminal) {
  feed_.Published(job.name, job.uid, events);
  if (on_published) on_published(job.uid, events);
  {
    const std::lock_guard lock(mutex_);
    const auto found = topics_.find(job.uid);
    if (found == topics_.end()) return;
    Topic& topic = found->second;
    for (const EventRow& event : events) {
      // Two commits may be announced in either order: a tail with a gap would
      // be a lie, an empty one only costs a read.
      if (!topic.tail.empty() && topic.tail.back().sequence + 1 != event.sequence) {
        topic.tail.clear();
      }
      topic.tail.push_back(WireEvent(event));
      topic.tail.back().published = std::chrono::steady_clock::now();
      if (topic.tail.size() > kTail) topic.tail.pop_front();
      topic.last_sequence = std::max(topic.last_sequence, event.sequence);
    }
    topic.terminal = topic.terminal || terminal;
  }
  for (const auto& listener : ListenersOf(job.uid)) listener->OnEvents();
}

void EventHub::Progress(const std::string& job_uid, const v1::TrainingProgress& progress) {
  const auto listeners = ListenersOf(job_uid);
  if (listeners.empty()) return;
  const WireMessage message{
      0, Wrap(v1::WatchTrainingJobResponse::kProgressFieldNumber, progress.SerializeAsString())};
  for (const auto& listener : listeners) listener->OnProgress(message);
}

void EventHub::Deleted(const std::string& job_uid) {
  const auto listeners = ListenersOf(job_uid);
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = topics_.find(job_uid); found != topics_.end()) {
      found->second.deleted = true;
    }
  }
  for (const auto& listener : listeners) listener->OnEvents();
}

}  // namespace trainyard::server

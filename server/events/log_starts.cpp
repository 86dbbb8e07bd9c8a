#include "server/events/log_starts.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "core/base/error.h"
#include "core/base/text.h"

namespace trainyard::server {
namespace {

constexpr std::string_view kStartsKey = "event_log_starts";
// Cursors of starts before these are refused.
constexpr int kMaxStarts = 1000;

// c{id}, and .{mark} where the start that gave it is known.
constexpr char kCursorMark = 'c';

// The id in a cursor; -1 where it is none.
std::int64_t IdIn(std::string_view cursor) {
  if (cursor.empty() || cursor.front() != kCursorMark) return -1;
  const auto dot = cursor.find('.');
  const std::string digits(cursor.substr(1, dot == cursor.npos ? dot : dot - 1));
  const std::string_view mark = dot == cursor.npos ? "" : cursor.substr(dot + 1);
  std::int64_t id = 0;
  const bool is_one = absl::SimpleAtoi(digits, &id) && id >= 0 && StrCat(id) == digits &&
                      (dot == cursor.npos || !mark.empty()) &&
                      std::all_of(mark.begin(), mark.end(), absl::ascii_isalnum);
  return is_one ? id : -1;
}

}  // namespace

absl::StatusOr<LogStarts> LogStarts::Note(Store& store, const std::string& mark) {
  LogStarts noted;
  auto status = store.Commit(
      [&](Transaction& transaction) -> absl::Status {
        auto stored = transaction.Fact(kStartsKey);
        if (!stored.ok()) return stored.status();
        auto last = transaction.LastEventId();
        if (!last.ok()) return last.status();
        noted.starts_.ParseFromString(*stored);
        auto& starts = *noted.starts_.mutable_starts();
        // What no event was written under gave no cursor either.
        if (!starts.empty() && starts.rbegin()->after_id() == *last) starts.RemoveLast();
        if (starts.size() >= kMaxStarts) {
          starts.DeleteSubrange(0, starts.size() - kMaxStarts + 1);
        }
        auto& start = *starts.Add();
        start.set_after_id(*last);
        start.set_mark(mark);
        return transaction.PutFact(kStartsKey, noted.starts_.SerializeAsString());
      },
      Store::WhenFull::kUseReserve);
  if (!status.ok() && !absl::IsResourceExhausted(status)) return status;
  return noted;
}

std::string LogStarts::CursorOf(std::int64_t id) const {
  const auto& starts = starts_.starts();
  const auto later = std::lower_bound(starts.begin(), starts.end(), id,
                                      [](const store::v1::EventLogStarts::Start& start,
                                         std::int64_t of) { return start.after_id() < of; });
  std::string cursor = StrCat(std::string(1, kCursorMark), id);
  if (later != starts.begin()) cursor += StrCat(".", std::prev(later)->mark());
  return cursor;
}

absl::StatusOr<std::int64_t> LogStarts::IdOf(const std::string& cursor) {
  const std::int64_t id = cursor.empty() ? 0 : IdIn(cursor);
  if (id >= 0) return id;
  return FieldError("cursor", "INVALID_CURSOR",
                    "cursor is not one that a list or a stream of jobs has given");
}

}  // namespace trainyard::server

#include "server/events/history_pages.h"

namespace trainyard::server {

HistoryPages::Page HistoryPages::Find(std::string_view job_uid, std::int64_t start) {
  const std::lock_guard lock(mutex_);
  const auto found = index_.find(std::pair(std::string(job_uid), start));
  if (found == index_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, found->second);
  return found->second->page;
}

void HistoryPages::Keep(std::string_view job_uid, std::int64_t start, Page page) {
  Entry entry{{std::string(job_uid), start}, std::move(page)};
  for (const WireMessage& message : *entry.page) {
    entry.bytes += message.bytes.size() + sizeof(WireMessage);
  }
  const std::lock_guard lock(mutex_);
  // Two may have read it at the same time.
  if (index_.contains(entry.key)) return;
  bytes_ += entry.bytes;
  entries_.push_front(std::move(entry));
  index_[entries_.front().key] = entries_.begin();
  while (bytes_ > max_bytes_ && entries_.size() > 1) {
    bytes_ -= entries_.back().bytes;
    index_.erase(entries_.back().key);
    entries_.pop_back();
  }
}

}  // namespace trainyard::server

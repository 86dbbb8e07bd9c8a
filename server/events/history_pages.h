// Old events as they are sent, for many who read the same history.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/events/event_listener.h"

namespace trainyard::server {

// The pages that were read last, of any jobs, up to a number of bytes. A page is
// kSize events of a job in a row, all of them; as events never change and a uid is
// never used again, no page becomes wrong. Any thread.
class HistoryPages {
 public:
  static constexpr std::int64_t kSize = 256;
  using Page = std::shared_ptr<const std::vector<WireMessage>>;

  explicit HistoryPages(std::size_t max_bytes) : max_bytes_(max_bytes) {}

  // The sequence before the first one of the page in which the next event after
  // `after_sequence` is.
  static std::int64_t StartOf(std::int64_t after_sequence) {
    return after_sequence / kSize * kSize;
  }

  // The page that begins after `start`; none where it is not kept.
  Page Find(std::string_view job_uid, std::int64_t start);
  void Keep(std::string_view job_uid, std::int64_t start, Page page);

 private:
  using Key = std::pair<std::string, std::int64_t>;
  struct Entry {
    Key key;
    Page page;
    std::size_t bytes = 0;
  };

  const std::size_t max_bytes_;
  std::mutex mutex_;
  std::list<Entry> entries_;  // the last used first; guarded by mutex_
  std::map<Key, std::list<Entry>::iterator, std::less<>> index_;  // guarded by mutex_
  std::size_t bytes_ = 0;                                         // guarded by mutex_
};

}  // namespace trainyard::server

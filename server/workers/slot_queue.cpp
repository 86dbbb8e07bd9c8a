#include "server/workers/slot_queue.h"

#include <utility>

namespace trainyard::server {

void SlotQueue::Submit(const std::string& user, std::function<bool()> start) {
  {
    const std::lock_guard lock(mutex_);
    Starts& theirs = waiting_[user];
    if (theirs.empty()) turns_.push_back(user);
    theirs.push_back(std::move(start));
  }
  Run();
}

void SlotQueue::Release() {
  {
    const std::lock_guard lock(mutex_);
    ++free_;
  }
  Run();
}

std::function<bool()> SlotQueue::TakeNext() {
  const std::string user = std::move(turns_.front());
  turns_.pop_front();
  const auto found = waiting_.find(user);
  std::function<bool()> start = std::move(found->second.front());
  found->second.pop_front();
  if (found->second.empty()) {
    waiting_.erase(found);
  } else {
    turns_.push_back(user);
  }
  return start;
}

void SlotQueue::Run() {
  while (true) {
    std::function<bool()> start;
    {
      const std::lock_guard lock(mutex_);
      if (free_ == 0 || turns_.empty()) return;
      --free_;
      start = TakeNext();
    }
    if (start()) continue;
    const std::lock_guard lock(mutex_);
    ++free_;
  }
}

}  // namespace trainyard::server

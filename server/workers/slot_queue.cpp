#include "server/workers/slot_queue.h"

#include <utility>

namespace trainyard::server {

void SlotQueue::Submit(std::function<bool()> start) {
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(start));
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

void SlotQueue::Run() {
  while (true) {
    std::function<bool()> start;
    {
      const std::lock_guard lock(mutex_);
      if (free_ == 0 || waiting_.empty()) return;
      --free_;
      start = std::move(waiting_.front());
      waiting_.pop_front();
    }
    if (start()) continue;
    const std::lock_guard lock(mutex_);
    ++free_;
  }
}

}  // namespace trainyard::server

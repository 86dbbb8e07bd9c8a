// Starts short tasks, a few at a time, in the order they came.
#pragma once

#include <deque>
#include <functional>
#include <mutex>

namespace trainyard::server {

// Bounds how many short tasks (ingesting, evaluating) run at once. What waits
// is durable elsewhere: the queue holds only how to start it. Any thread.
class SlotQueue {
 public:
  explicit SlotQueue(int slots) : free_(slots) {}

  // `start` is called when a slot is free, on this or another caller's thread,
  // and returns whether the slot is in use; then Release must follow.
  void Submit(std::function<bool()> start);
  void Release();

 private:
  void Run();

  std::mutex mutex_;
  int free_;                                   // guarded by mutex_
  std::deque<std::function<bool()>> waiting_;  // guarded by mutex_
};

}  // namespace trainyard::server

// Starts short tasks, a few at a time, in turns between users.
#pragma once

#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <unordered_map>

namespace trainyard::server {

// Bounds how many short tasks (ingesting, evaluating) run at once. What waits
// is durable elsewhere: the queue holds only how to start it. Users take turns, so
// nobody's first waits for all that somebody else has put in before; a user's own
// go in the order they came. Any thread.
class SlotQueue {
 public:
  explicit SlotQueue(int slots) : free_(slots) {}

  // Of `user`. `start` is called when a slot is free, on this or another caller's thread,
  // and returns whether the slot is in use; then Release must follow.
  void Submit(const std::string& user, std::function<bool()> start);
  void Release();

 private:
  using Starts = std::deque<std::function<bool()>>;

  void Run();
  // Called with the mutex held, where there is one.
  std::function<bool()> TakeNext();

  std::mutex mutex_;
  int free_;                                         // guarded by mutex_
  std::unordered_map<std::string, Starts> waiting_;  // by user; guarded by mutex_
  std::deque<std::string> turns_;  // users that have one that waits; guarded by mutex_
};

}  // namespace trainyard::server

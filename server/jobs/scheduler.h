// Which queued job runs next, and how many at once.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

namespace trainyard::server {

// A job as the queue knows it.
struct QueuedJob {
  std::string uid;
  std::string name;
};

// First come, first served, over a number of slots. Holds names only: the
// truth is the job's state in the store, which `start` checks. Any thread.
class Scheduler {
 public:
  // `start` is called on the scheduler's thread, without locks held, once a
  // slot is taken for the job; it returns false where the job does not run
  // after all, else Release must follow.
  Scheduler(int slots, std::function<bool(const QueuedJob&)> start);
  ~Scheduler();

  // Begins to start jobs; until then they only queue.
  void Open();
  // Starts nothing more.
  void Close();

  void Enqueue(QueuedJob job);
  // False where it is not waiting.
  bool Remove(const std::string& uid);
  // A job that runs already takes a slot, even one too many; Release must follow.
  void Occupy();
  // A job that was started has left its slot.
  void Release();

  // Where a job waits.
  struct Wait {
    // From 1; 0 where it does not wait.
    int position = 0;
    int slots = 0;
  };
  Wait WaitOf(const std::string& uid) const;

 private:
  void Run();

  const int slots_;
  const std::function<bool(const QueuedJob&)> start_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<QueuedJob> queue_;  // guarded by mutex_
  int running_ = 0;              // guarded by mutex_
  bool open_ = false;            // guarded by mutex_
  bool stopping_ = false;        // guarded by mutex_
  std::thread thread_;
};

}  // namespace trainyard::server

// Starts jobs as the queue decides, and asks them to give way.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "server/jobs/fair_queue.h"

namespace trainyard::server {

// A thread and a lock around FairQueue. Holds names only: the truth is the job's
// state in the store, which `start` checks. Any thread.
class Scheduler {
 public:
  // Seconds since 1970, UTC.
  using Clock = std::function<double()>;
  static double SystemClock();

  // Both are called on the scheduler's thread, without locks held. `start` once
  // a slot is taken for the job; it returns false where the job does not run
  // after all, else Release must follow. `preempt` asks a running job to leave
  // its slot: Enqueue and Release follow once it has.
  Scheduler(FairOptions options, std::function<bool(const QueuedJob&)> start,
            std::function<void(const Preemption&)> preempt, Clock clock = SystemClock);
  ~Scheduler();

  // Begins to start jobs; until then they only queue.
  void Open();
  // Starts nothing more.
  void Close();

  // As FairQueue's.
  void Restore(const std::string& user, const Usage& usage);
  bool Knows(const std::string& user) const;
  void Enqueue(QueuedJob job);
  bool Remove(const std::string& uid);
  void Occupy(QueuedJob job);
  void Release(const std::string& uid);
  void Charge(const std::string& uid, double counted, std::optional<double> left);
  double TodayOf(const std::string& user) const;

  double Now() const { return clock_(); }
  // Who runs and who waits; at most a second old, unless jobs came or went.
  std::shared_ptr<const QueuePlan> CurrentPlan() const;

 private:
  void Run();
  // Notes a change, and wakes the thread.
  void Changed();
  bool StartOne(std::unique_lock<std::mutex>& lock);
  void PreemptSome(std::unique_lock<std::mutex>& lock);

  const Clock clock_;
  const double tick_;
  const std::function<bool(const QueuedJob&)> start_;
  const std::function<void(const Preemption&)> preempt_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  FairQueue queue_;                                // guarded by mutex_
  std::int64_t changes_ = 0;                       // guarded by mutex_
  mutable std::shared_ptr<const QueuePlan> plan_;  // guarded by mutex_
  mutable std::int64_t planned_changes_ = 0;       // guarded by mutex_
  mutable double planned_at_ = 0;                  // guarded by mutex_
  bool open_ = false;                              // guarded by mutex_
  bool stopping_ = false;                          // guarded by mutex_
  std::thread thread_;                             // last: it uses all of the above
};

}  // namespace trainyard::server

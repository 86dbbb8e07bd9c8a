#include "server/jobs/scheduler.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace trainyard::server {

double Scheduler::SystemClock() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

Scheduler::Scheduler(FairOptions options, std::function<bool(const QueuedJob&)> start,
                     std::function<void(const Preemption&)> preempt, Clock clock)
    : clock_(std::move(clock)),
      tick_(std::clamp(options.quantum / 4, 0.01, 1.0)),
      start_(std::move(start)),
      preempt_(std::move(preempt)),
      queue_(std::move(options)),
      thread_([this] { Run(); }) {}

Scheduler::~Scheduler() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Scheduler::Changed() {
  ++changes_;
  changed_.notify_all();
}

void Scheduler::Open() {
  const std::lock_guard lock(mutex_);
  open_ = true;
  Changed();
}

void Scheduler::Close() {
  const std::lock_guard lock(mutex_);
  open_ = false;
}

void Scheduler::Restore(const std::string& user, const Usage& usage) {
  const std::lock_guard lock(mutex_);
  queue_.Restore(user, usage);
}

bool Scheduler::Knows(const std::string& user) const {
  const std::lock_guard lock(mutex_);
  return queue_.Knows(user);
}

void Scheduler::Enqueue(QueuedJob job) {
  const std::lock_guard lock(mutex_);
  queue_.Enqueue(std::move(job));
  Changed();
}

bool Scheduler::Remove(const std::string& uid) {
  const std::lock_guard lock(mutex_);
  ++changes_;
  return queue_.Remove(uid);
}

void Scheduler::Occupy(QueuedJob job) {
  const std::lock_guard lock(mutex_);
  queue_.Occupy(std::move(job), clock_());
  ++changes_;
}

void Scheduler::Release(const std::string& uid) {
  const std::lock_guard lock(mutex_);
  queue_.Release(uid);
  Changed();
}

void Scheduler::Charge(const std::string& uid, double counted, std::optional<double> left) {
  const std::lock_guard lock(mutex_);
  queue_.Charge(uid, counted, left, clock_());
}

double Scheduler::TodayOf(const std::string& user) const {
  const std::lock_guard lock(mutex_);
  return queue_.TodayOf(user, clock_());
}

// Looked ahead on a copy: a long queue must not hold up those who join it.
std::shared_ptr<const QueuePlan> Scheduler::CurrentPlan() const {
  std::unique_lock lock(mutex_);
  const double now = clock_();
  if (plan_ != nullptr && planned_changes_ == changes_ && now - planned_at_ < 1 &&
      now >= planned_at_) {
    return plan_;
  }
  const FairQueue copy = queue_;
  const std::int64_t changes = changes_;
  lock.unlock();
  auto plan = std::make_shared<const QueuePlan>(copy.PlanAt(now));
  lock.lock();
  plan_ = plan;
  planned_changes_ = changes;
  planned_at_ = now;
  return plan;
}

bool Scheduler::StartOne(std::unique_lock<std::mutex>& lock) {
  const auto job = queue_.StartNext(clock_());
  if (!job) return false;
  ++changes_;
  lock.unlock();
  const bool started = start_(*job);
  lock.lock();
  if (!started) queue_.Release(job->uid);
  return true;
}

void Scheduler::PreemptSome(std::unique_lock<std::mutex>& lock) {
  const auto preemptions = queue_.Preempt(clock_());
  lock.unlock();
  for (const Preemption& preemption : preemptions) preempt_(preemption);
  lock.lock();
}

// What time alone changes, who has had a quantum, who owes less than another by
// now, is looked at again after a tick, as long as anybody waits or runs.
void Scheduler::Run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    const std::int64_t seen = changes_;
    if (open_ && StartOne(lock)) continue;
    if (open_) PreemptSome(lock);
    const auto woken = [&] { return stopping_ || changes_ != seen; };
    if (open_ && queue_.waiting() + queue_.running() > 0) {
      changed_.wait_for(lock, std::chrono::duration<double>(tick_), woken);
    } else {
      changed_.wait(lock, woken);
    }
  }
}

}  // namespace trainyard::server

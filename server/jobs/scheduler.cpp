#include "server/jobs/scheduler.h"

#include <algorithm>
#include <utility>

namespace trainyard::server {

Scheduler::Scheduler(int slots, std::function<bool(const QueuedJob&)> start)
    : slots_(slots), start_(std::move(start)), thread_([this] { Run(); }) {}

Scheduler::~Scheduler() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Scheduler::Open() {
  {
    const std::lock_guard lock(mutex_);
    open_ = true;
  }
  changed_.notify_all();
}

void Scheduler::Close() {
  const std::lock_guard lock(mutex_);
  open_ = false;
}

void Scheduler::Enqueue(QueuedJob job) {
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(std::move(job));
  }
  changed_.notify_all();
}

bool Scheduler::Remove(const std::string& uid) {
  const std::lock_guard lock(mutex_);
  return std::erase_if(queue_, [&](const QueuedJob& job) { return job.uid == uid; }) > 0;
}

void Scheduler::Occupy() {
  const std::lock_guard lock(mutex_);
  ++running_;
}

void Scheduler::Release() {
  {
    const std::lock_guard lock(mutex_);
    --running_;
  }
  changed_.notify_all();
}

Scheduler::Wait Scheduler::WaitOf(const std::string& uid) const {
  const std::lock_guard lock(mutex_);
  const auto found =
      std::ranges::find_if(queue_, [&](const QueuedJob& job) { return job.uid == uid; });
  if (found == queue_.end()) return {0, slots_};
  return {static_cast<int>(found - queue_.begin()) + 1, slots_};
}

void Scheduler::Run() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock,
                  [this] { return stopping_ || (open_ && running_ < slots_ && !queue_.empty()); });
    if (stopping_) return;
    const QueuedJob job = std::move(queue_.front());
    queue_.pop_front();
    ++running_;
    lock.unlock();
    const bool started = start_(job);
    lock.lock();
    if (!started) --running_;
  }
}

}  // namespace trainyard::server

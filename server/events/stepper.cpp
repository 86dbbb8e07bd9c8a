#include "server/events/stepper.h"

#include <utility>

namespace trainyard::server {

Stepper::Stepper(int threads) {
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { Run(); });
  threads_.emplace_back([this] { Tick(); });
}

Stepper::~Stepper() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  queued_.notify_all();
  stop_.notify_all();
  for (auto& thread : threads_) thread.join();
}

void Stepper::Wake(std::shared_ptr<Steppable> steppable) {
  {
    const std::lock_guard lock(mutex_);
    switch (steppable->state_) {
      case Steppable::State::kIdle:
        steppable->state_ = Steppable::State::kQueued;
        queue_.push_back(std::move(steppable));
        break;
      case Steppable::State::kStepping:
        steppable->state_ = Steppable::State::kSteppingAgain;
        return;
      case Steppable::State::kQueued:
      case Steppable::State::kSteppingAgain:
        return;
    }
  }
  queued_.notify_one();
}

void Stepper::AddTicking(std::shared_ptr<Steppable> steppable) {
  const std::lock_guard lock(mutex_);
  ticking_.insert(std::move(steppable));
}

void Stepper::RemoveTicking(const std::shared_ptr<Steppable>& steppable) {
  const std::lock_guard lock(mutex_);
  ticking_.erase(steppable);
}

void Stepper::Run() {
  std::unique_lock lock(mutex_);
  while (true) {
    queued_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    if (stopping_) return;
    std::shared_ptr<Steppable> steppable = std::move(queue_.front());
    queue_.pop_front();
    steppable->state_ = Steppable::State::kStepping;
    lock.unlock();
    steppable->Step();
    lock.lock();
    const bool again = steppable->state_ == Steppable::State::kSteppingAgain;
    steppable->state_ = again ? Steppable::State::kQueued : Steppable::State::kIdle;
    if (again) queue_.push_back(std::move(steppable));
    // The last owner's destructor must not run under the mutex.
    lock.unlock();
    steppable.reset();
    lock.lock();
  }
}

void Stepper::Tick() {
  std::unique_lock lock(mutex_);
  while (!stop_.wait_for(lock, std::chrono::seconds(1), [this] { return stopping_; })) {
    const std::vector<std::shared_ptr<Steppable>> due(ticking_.begin(), ticking_.end());
    lock.unlock();
    for (const auto& steppable : due) Wake(steppable);
    lock.lock();
  }
}

}  // namespace trainyard::server

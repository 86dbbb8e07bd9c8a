#include "server/resources/periodic.h"

#include <utility>

namespace trainyard::server {

Periodic::Periodic(std::chrono::milliseconds pause, std::function<void()> work)
    : pause_(pause), work_(std::move(work)), thread_([this] { Run(); }) {}

Periodic::~Periodic() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stopped_.notify_all();
  thread_.join();
}

void Periodic::Run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    lock.unlock();
    work_();
    lock.lock();
    stopped_.wait_for(lock, pause_, [this] { return stopping_; });
  }
}

}  // namespace trainyard::server

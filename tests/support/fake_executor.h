// An executor whose workers are played by the test.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "server/exec/executor.h"

namespace trainyard::server {

// Starts nothing; remembers what it was asked to. A killed worker "exits" at
// once, on the thread that killed it.
class FakeExecutor final : public Executor {
 public:
  void SetExitHandler(ExitHandler handler) override { handler_ = std::move(handler); }

  absl::StatusOr<WorkerId> Start(const WorkerSpec& spec) override {
    const std::lock_guard lock(mutex_);
    starts_.push_back(spec);
    alive_.push_back(static_cast<WorkerId>(starts_.size()));
    changed_.notify_all();
    return alive_.back();
  }

  absl::StatusOr<WorkerId> Adopt(int pid) override {
    return Start({"adopted " + std::to_string(pid), 0, {}});
  }

  void Release(WorkerId id) override {
    const std::lock_guard lock(mutex_);
    std::erase(alive_, id);
  }

  void Hurry(WorkerId) override { ++hurried; }
  void Terminate(WorkerId id) override { Exit(id, "was killed by signal 15"); }
  // Remembered; tests end workers themselves, with ExitAll.
  void Kill(WorkerId id) override {
    const std::lock_guard lock(mutex_);
    killed_.push_back(starts_[static_cast<std::size_t>(id) - 1].name);
  }

  std::atomic<int> hurried = 0;

  // Names of the workers that were to be killed, in order.
  std::vector<std::string> killed() {
    const std::lock_guard lock(mutex_);
    return killed_;
  }

  bool WaitForStarts(int count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(20),
                             [&] { return static_cast<int>(starts_.size()) >= count; });
  }

  void ExitAll(const std::string& how) {
    std::vector<WorkerId> ids;
    {
      const std::lock_guard lock(mutex_);
      ids = alive_;
    }
    for (const WorkerId id : ids) Exit(id, how);
  }

 private:
  void Exit(WorkerId id, const std::string& how) {
    {
      const std::lock_guard lock(mutex_);
      if (std::erase(alive_, id) == 0) return;
    }
    handler_(id, how);
  }

  ExitHandler handler_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<WorkerSpec> starts_;   // guarded by mutex_
  std::vector<WorkerId> alive_;      // guarded by mutex_
  std::vector<std::string> killed_;  // guarded by mutex_
};

}  // namespace trainyard::server

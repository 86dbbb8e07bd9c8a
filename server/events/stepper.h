// A few threads that run short steps of many passive objects, so that nothing
// that may block runs on a thread of gRPC.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_set>
#include <vector>

namespace trainyard::server {

class Stepper;

// Something that has now and then something to do. Never runs Step on two
// threads at once; a Wake during a step makes another one follow.
class Steppable {
 public:
  virtual ~Steppable() = default;
  virtual void Step() = 0;

 private:
  friend class Stepper;
  enum class State { kIdle, kQueued, kStepping, kSteppingAgain };
  // Guarded by the stepper's mutex.
  State state_ = State::kIdle;
};

// Owns the threads. Any thread may call Wake.
class Stepper {
 public:
  explicit Stepper(int threads);
  // Drops what is queued and joins.
  ~Stepper();

  void Wake(std::shared_ptr<Steppable> steppable);

  // Wakes it about once a second until it is forgotten.
  void AddTicking(std::shared_ptr<Steppable> steppable);
  void RemoveTicking(const std::shared_ptr<Steppable>& steppable);

 private:
  void Run();
  void Tick();

  std::mutex mutex_;
  std::condition_variable queued_;
  std::condition_variable stop_;
  bool stopping_ = false;                                   // guarded by mutex_
  std::deque<std::shared_ptr<Steppable>> queue_;            // guarded by mutex_
  std::unordered_set<std::shared_ptr<Steppable>> ticking_;  // guarded by mutex_
  std::vector<std::thread> threads_;
};

}  // namespace trainyard::server

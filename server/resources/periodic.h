// Something done again and again, beside the calls.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace trainyard::server {

// Calls `work` on a thread of its own, at once and then with `pause` between
// the end of one call and the next. Destroying it waits for a call under way.
class Periodic {
 public:
  Periodic(std::chrono::milliseconds pause, std::function<void()> work);
  ~Periodic();
  Periodic(const Periodic&) = delete;
  Periodic& operator=(const Periodic&) = delete;

 private:
  void Run();

  const std::chrono::milliseconds pause_;
  const std::function<void()> work_;
  std::mutex mutex_;
  std::condition_variable stopped_;
  bool stopping_ = false;  // guarded by mutex_
  std::thread thread_;     // last: it uses all of the above
};

}  // namespace trainyard::server

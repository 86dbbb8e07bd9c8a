// Ctrl-C as a call instead of the end of the process.
#pragma once

#include <atomic>
#include <functional>
#include <thread>

namespace trainyard::client {

// While it lives, the first SIGINT or SIGTERM calls `on_interrupt` on a thread
// of its own; a second one has its usual effect. One at a time.
class InterruptHandler {
 public:
  explicit InterruptHandler(std::function<void()> on_interrupt);
  ~InterruptHandler();
  InterruptHandler(const InterruptHandler&) = delete;
  InterruptHandler& operator=(const InterruptHandler&) = delete;

  bool interrupted() const { return interrupted_; }

 private:
  std::function<void()> on_interrupt_;
  std::atomic<bool> interrupted_ = false;
  std::thread waiter_;
};

}  // namespace trainyard::client

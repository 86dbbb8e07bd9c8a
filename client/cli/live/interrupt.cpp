#include "client/cli/live/interrupt.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <csignal>

namespace trainyard::client {
namespace {

constexpr char kSignal = 's';
constexpr char kEnd = 'e';

// A signal handler may do little more than write to a pipe.
std::array<int, 2> pipe_ends = {-1, -1};

void OnSignal(int) {
  const ssize_t ignored = write(pipe_ends[1], &kSignal, 1);
  static_cast<void>(ignored);
}

void Install(void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  // The second signal finds the usual effect again.
  action.sa_flags = static_cast<int>(SA_RESETHAND) | SA_RESTART;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

}  // namespace

InterruptHandler::InterruptHandler(std::function<void()> on_interrupt)
    : on_interrupt_(std::move(on_interrupt)) {
  if (pipe2(pipe_ends.data(), O_CLOEXEC) != 0) return;
  waiter_ = std::thread([this] {
    char what = 0;
    while (read(pipe_ends[0], &what, 1) == 1 && what == kSignal) {
      interrupted_ = true;
      on_interrupt_();
    }
  });
  Install(OnSignal);
}

InterruptHandler::~InterruptHandler() {
  if (!waiter_.joinable()) return;
  Install(SIG_DFL);
  const ssize_t ignored = write(pipe_ends[1], &kEnd, 1);
  static_cast<void>(ignored);
  waiter_.join();
  close(pipe_ends[0]);
  close(pipe_ends[1]);
}

}  // namespace trainyard::client

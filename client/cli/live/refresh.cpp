#include "client/cli/live/refresh.h"

#include <chrono>
#include <future>

#include "client/cli/live/interrupt.h"
#include "client/cli/report.h"

namespace trainyard::client {
namespace {

constexpr std::chrono::seconds kBetween{2};
// To the upper left corner, and clear to the end of the screen.
constexpr char kAnew[] = "\x1b[H\x1b[J";
// A screen of its own, and back: what was there before is there after.
constexpr char kEnter[] = "\x1b[?1049h\x1b[?25l";
constexpr char kLeave[] = "\x1b[?25h\x1b[?1049l";

class Screen {
 public:
  explicit Screen(Context& context)
      : context_(context), in_place_(context.terminal.out_interactive() && !context.json) {
    if (in_place_) context_.out() << kEnter << std::flush;
  }
  ~Screen() {
    if (!in_place_) return;
    context_.out() << kLeave << shown_ << std::flush;
  }
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;

  void Show(std::string text) {
    if (text == shown_) return;
    if (in_place_) {
      context_.out() << kAnew;
    } else if (!shown_.empty() && !context_.json) {
      context_.out() << "\n";
    }
    shown_ = std::move(text);
    context_.out() << shown_ << std::flush;
  }

 private:
  Context& context_;
  const bool in_place_;
  std::string shown_;
};

}  // namespace

int ShowOnce(Context& context, const std::function<grpc::Status(std::string&)>& fetch) {
  std::string text;
  const grpc::Status status = fetch(text);
  if (!status.ok()) return ReportError(context, status);
  context.out() << text;
  return kDone;
}

int ShowUntilInterrupted(Context& context, const std::function<grpc::Status(std::string&)>& fetch) {
  std::promise<void> stop;
  const std::future<void> stopped = stop.get_future();
  InterruptHandler interrupt([&stop] { stop.set_value(); });
  grpc::Status status;
  {
    Screen screen(context);
    do {
      std::string text;
      status = fetch(text);
      // A server that is restarted is waited for.
      if (status.error_code() == grpc::StatusCode::UNAVAILABLE) continue;
      if (!status.ok()) break;
      screen.Show(std::move(text));
    } while (stopped.wait_for(kBetween) == std::future_status::timeout);
  }
  if (interrupt.interrupted()) return kInterrupted;
  return ReportError(context, status);
}

}  // namespace trainyard::client

#include "client/cli/live/refresh.h"

#include <algorithm>
#include <chrono>
#include <future>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
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
  Screen(Context& context, Keep keep)
      : context_(context),
        keep_(keep),
        in_place_(context.terminal.out_interactive() && !context.json) {
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
      context_.out() << kAnew << FitLines(text, context_.look().height, keep_) << std::flush;
      shown_ = std::move(text);
      return;
    }
    if (!shown_.empty() && !context_.json) {
      context_.out() << "\n";
    }
    shown_ = std::move(text);
    context_.out() << shown_ << std::flush;
  }

 private:
  Context& context_;
  const Keep keep_;
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

std::string FitLines(const std::string& text, int height, Keep keep) {
  std::vector<absl::string_view> lines = absl::StrSplit(absl::StripSuffix(text, "\n"), '\n');
  // The cursor stands in a line of its own, and what is left out in another.
  const auto most = static_cast<std::size_t>(std::max(height, 4) - 2);
  if (lines.size() <= most + 1) return text;
  const std::string more = absl::StrCat("... ", lines.size() - most, " more");
  if (keep == Keep::kFirst) {
    lines.resize(most);
    lines.push_back(more);
  } else {
    lines.erase(lines.begin() + 1, lines.end() - static_cast<std::ptrdiff_t>(most - 1));
    lines.insert(lines.begin() + 1, more);
  }
  return absl::StrCat(absl::StrJoin(lines, "\n"), "\n");
}

int ShowUntilInterrupted(Context& context, Keep keep,
                         const std::function<grpc::Status(std::string&)>& fetch) {
  std::promise<void> stop;
  const std::future<void> stopped = stop.get_future();
  InterruptHandler interrupt([&stop] { stop.set_value(); });
  grpc::Status status;
  {
    Screen screen(context, keep);
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

#include "client/cli/live/live_watch.h"

#include <chrono>

#include "absl/strings/str_cat.h"
#include "client/cli/live/watch_frame.h"
#include "client/cli/term/text.h"

namespace trainyard::client {
namespace {

constexpr std::chrono::milliseconds kFrameTime{100};
constexpr absl::string_view kHideCursor = "\x1b[?25l";
constexpr absl::string_view kShowCursor = "\x1b[?25h";

}  // namespace

LiveWatch::LiveWatch(Terminal& terminal, const v1::TrainingJob& job)
    : terminal_(terminal), model_(job) {
  terminal_.out() << kHideCursor;
  drawer_ = std::thread([this] { DrawLoop(); });
}

LiveWatch::~LiveWatch() { Finish(); }

void LiveWatch::OnEvent(const v1::TrainingEvent& event) {
  std::lock_guard lock(mutex_);
  model_.Apply(event);
  notice_.clear();
  changed_ = true;
}

void LiveWatch::OnProgress(const v1::TrainingProgress& progress) {
  std::lock_guard lock(mutex_);
  model_.Apply(progress);
  notice_.clear();
  changed_ = true;
}

void LiveWatch::OnInterrupted(const grpc::Status& status, std::chrono::milliseconds) {
  std::lock_guard lock(mutex_);
  notice_ = absl::StrCat("connection lost (", status.error_message(), "), trying again");
  changed_ = true;
}

void LiveWatch::Finish() {
  {
    std::lock_guard lock(mutex_);
    if (finished_) return;
    finished_ = true;
  }
  finish_changed_.notify_all();
  drawer_.join();
  std::lock_guard lock(mutex_);
  Draw();
  terminal_.out() << kShowCursor << std::flush;
}

void LiveWatch::DrawLoop() {
  std::unique_lock lock(mutex_);
  while (!finish_changed_.wait_for(lock, kFrameTime, [this] { return finished_; })) {
    if (changed_ || terminal_.look().width != drawn_width_) Draw();
  }
}

// A terminal that became narrower has wrapped what was drawn before.
int LiveWatch::LinesAbove(int width) const {
  int lines = 0;
  for (const int columns : drawn_) lines += columns <= width ? 1 : (columns + width - 1) / width;
  return lines;
}

void LiveWatch::Draw() {
  changed_ = false;
  const Look look = terminal_.look();
  std::string text;
  if (const int above = LinesAbove(look.width); above > 0)
    absl::StrAppend(&text, "\x1b[", above, "A");
  text += "\r";
  drawn_.clear();
  for (const std::string& line : WatchFrame(look, model_, notice_)) {
    // Erasing after the text, not before it, does not flicker.
    absl::StrAppend(&text, line, "\x1b[K\n");
    drawn_.push_back(DisplayWidth(line));
  }
  text += "\x1b[J";
  drawn_width_ = look.width;
  terminal_.out() << text << std::flush;
}

}  // namespace trainyard::client

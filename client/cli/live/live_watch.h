// A job's picture, redrawn in place.
#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "client/cli/live/watch_model.h"
#include "client/cli/term/terminal.h"
#include "client/lib/job_watch.h"

namespace trainyard::client {

// Takes events on the watch's thread and draws on its own, at most ten times a
// second, so that a long history is no slower than a short one. The terminal
// must be interactive.
class LiveWatch : public JobObserver {
 public:
  LiveWatch(Terminal& terminal, const v1::TrainingJob& job);
  // As Finish.
  ~LiveWatch() override;

  void OnEvent(const v1::TrainingEvent& event) override;
  void OnProgress(const v1::TrainingProgress& progress) override;
  void OnInterrupted(const grpc::Status& status, std::chrono::milliseconds delay) override;

  // Draws the last picture and leaves the cursor below it.
  void Finish();

 private:
  void DrawLoop();
  // With mutex_ held: the terminal is a stream like any other.
  void Draw();
  int LinesAbove(int width) const;

  Terminal& terminal_;
  std::mutex mutex_;
  std::condition_variable finish_changed_;
  // Guarded by mutex_.
  WatchModel model_;
  std::string notice_;
  bool changed_ = true;
  bool finished_ = false;
  // Columns of the lines that are on the screen, and of the terminal then.
  std::vector<int> drawn_;
  int drawn_width_ = 0;
  std::thread drawer_;
};

}  // namespace trainyard::client

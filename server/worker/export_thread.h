// Exports weights to files in memory, one after another.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "server/worker/frame_socket.h"
#include "server/worker/tasks.h"

namespace trainyard::server {

// On a thread of its own, so that inferences do not wait for it. Any thread may
// call Add.
class ExportThread {
 public:
  explicit ExportThread(const WorkerContext& context);
  ~ExportThread();

  // Answers `request`, a kExport, over `socket`.
  void Add(Frame request, std::shared_ptr<FrameSocket> socket);

 private:
  void Run();

  const WorkerContext& context_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::pair<Frame, std::shared_ptr<FrameSocket>>> requests_;  // guarded by mutex_
  bool closing_ = false;                                                 // guarded by mutex_
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace trainyard::server

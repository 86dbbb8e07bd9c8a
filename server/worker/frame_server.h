// Answers what comes to a serving worker as frames.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include "server/worker/export_thread.h"
#include "server/worker/frame_socket.h"
#include "server/worker/inference_queue.h"
#include "server/worker/tasks.h"

namespace trainyard::server {

// Serves on a thread of its own from construction to destruction, connecting
// again where the stream ends.
class FrameServer {
 public:
  explicit FrameServer(const WorkerContext& context);
  ~FrameServer();

 private:
  void Run();
  void Serve(const std::shared_ptr<FrameSocket>& socket);
  void Take(Frame request, const std::shared_ptr<FrameSocket>& socket);
  // False once the worker ends.
  bool Use(std::shared_ptr<FrameSocket> socket);

  const WorkerContext& context_;
  ExportThread exports_;
  InferenceQueue inferences_;  // of the thread
  std::mutex mutex_;
  std::condition_variable closed_;
  std::shared_ptr<FrameSocket> socket_;  // guarded by mutex_
  bool closing_ = false;                 // guarded by mutex_
  std::thread thread_;                   // last: it uses all of the above
};

}  // namespace trainyard::server

// The server's end of the socket to the worker that serves models.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>

#include "absl/status/statusor.h"
#include "server/frames/frame.h"

namespace trainyard::server {

// Listens, and lets one worker connect, the newest. Requests go out in order and
// may be answered in any. One thread of its own receives; it also sends what the
// socket does not take at once. Any thread may call.
class FrameChannel {
 public:
  // Called exactly once for each request, on the channel's thread or on that of a
  // caller of Send or Disconnect. Must not block.
  using Answered = std::function<void(absl::StatusOr<Frame>)>;

  // Errors: UNAVAILABLE where it cannot listen on `socket`.
  static absl::StatusOr<std::unique_ptr<FrameChannel>> Listen(const std::filesystem::path& socket);
  ~FrameChannel();

  // Sends as soon as a worker is connected. RESOURCE_EXHAUSTED to what comes when
  // too much waits already.
  void Send(OutgoingFrame request, Answered answered);
  // Drops the worker; `status` is the answer to all that waits.
  void Disconnect(const absl::Status& status);

 private:
  using Waiting = std::unordered_map<std::uint64_t, Answered>;

  FrameChannel(Descriptor listener, Descriptor wake);

  void Run();
  void Accept();
  void Receive();
  void Flush();
  // Gives the connection up, and returns who waits for an answer. With write_mutex_.
  Waiting Break();
  void Take(Frame answer);
  void Wake();

  const Descriptor listener_;
  const Descriptor wake_;
  std::atomic<bool> closing_ = false;

  // Orders what is written, and guards what it takes.
  std::mutex write_mutex_;
  Descriptor connection_;
  // Nothing more is written to it, and the thread is about to close it: what is sent
  // now waits for the next worker.
  bool broken_ = false;
  std::deque<OutgoingFrame> outbox_;

  std::mutex mutex_;
  Waiting waiting_;            // guarded by mutex_
  std::uint64_t last_id_ = 0;  // guarded by mutex_

  // Of the channel's thread.
  std::unique_ptr<FrameReader> reader_;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace trainyard::server

// The worker's end of the socket that rows and exports come over.
#pragma once

#include <filesystem>
#include <functional>
#include <mutex>
#include <stop_token>

#include "server/frames/frame.h"

namespace trainyard::server {

// Connects to the server's socket. One thread reads; any thread sends.
class FrameSocket {
 public:
  // Is not open where nobody listens.
  explicit FrameSocket(const std::filesystem::path& path);

  bool is_open() const { return socket_.is_open(); }
  // Waits for frames, at most `milliseconds` or for ever where that is -1, and
  // passes on those that are there. False at the stream's end.
  bool Read(int milliseconds, const std::function<void(Frame)>& take);
  // Sends the whole frame; waits for room. What cannot be sent is lost with the
  // server.
  void Send(OutgoingFrame frame);
  // Answers a request with a file, or with what went wrong.
  void SendFile(std::uint64_t id, const Descriptor& file);
  void SendError(std::uint64_t id, const absl::Status& error);
  // Ends Read soon. Any thread.
  void Shutdown();

 private:
  const Descriptor socket_;
  FrameReader reader_;
  // A stream takes one frame at a time.
  std::mutex write_mutex_;
};

}  // namespace trainyard::server

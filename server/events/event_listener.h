// What streams send, and who is told that there is something to send.
#pragma once

#include <grpcpp/support/slice.h>

#include <chrono>
#include <cstdint>

namespace trainyard::server {

// A response of a stream as it goes over the wire: serialised once, shared by
// every watcher.
struct WireMessage {
  // Where its cursor is after it; 0 for what is not durable.
  std::int64_t sequence = 0;
  grpc::Slice bytes;
  // When it became durable, where that was while somebody watched.
  std::chrono::steady_clock::time_point published{};
};

// Hears that there may be something new. Called on any thread, without locks
// held; must return at once.
class EventListener {
 public:
  virtual ~EventListener() = default;
  virtual void OnEvents() = 0;
  virtual void OnProgress(const WireMessage& progress) = 0;
};

}  // namespace trainyard::server

// Waiting for a resource that the server is working on.
#pragma once

#include <grpcpp/support/status.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <thread>

namespace trainyard::client {

// Calls `get` until it fails or `done`: at first after milliseconds, then twice
// a second. A server that is restarting is waited for, about half a minute.
inline grpc::Status PollUntil(const std::function<grpc::Status()>& get,
                              const std::function<bool()>& done) {
  std::chrono::milliseconds delay{20};
  int unreachable = 0;
  while (true) {
    const grpc::Status status = get();
    const bool lost = status.error_code() == grpc::StatusCode::UNAVAILABLE;
    if (!status.ok() && (!lost || ++unreachable > 8)) return status;
    if (status.ok()) {
      if (done()) return status;
      unreachable = 0;
    }
    std::this_thread::sleep_for(delay);
    delay = std::min(delay * 3 / 2, std::chrono::milliseconds(500));
  }
}

}  // namespace trainyard::client

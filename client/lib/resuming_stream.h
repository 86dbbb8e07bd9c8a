// Opens a server's stream again where it was left, until it has come to its end.
#pragma once

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>

#include "client/lib/connection.h"

namespace trainyard::client {

// What several watches have in common: patience with a server that is away. Run
// once; Stop from any thread.
class ResumingStream {
 public:
  struct Patience {
    // Without a message for this long after a break, the stream is given up.
    std::chrono::milliseconds give_up{30000};
    std::chrono::milliseconds first_delay{250};
  };
  // Opens one stream with the context, reads it to its end, calls Received for
  // each message, and returns its status.
  using Read = std::function<grpc::Status(grpc::ClientContext& context)>;
  // The stream broke; it is tried again after `delay`.
  using Interrupted =
      std::function<void(const grpc::Status& status, std::chrono::milliseconds delay)>;

  explicit ResumingStream(Patience patience) : patience_(patience) {}

  // Reads until a stream ends with OK, or with an error other than UNAVAILABLE,
  // which is returned; CANCELLED after Stop.
  grpc::Status Run(Connection& connection, const Read& read, const Interrupted& interrupted);
  void Received() { last_message_ = std::chrono::steady_clock::now(); }
  // Ends Run soon.
  void Stop();

 private:
  grpc::Status ReadOnce(const Read& read);
  // False when stopped.
  bool Sleep(std::chrono::milliseconds delay);

  const Patience patience_;
  std::chrono::steady_clock::time_point last_message_;
  std::mutex mutex_;
  std::condition_variable stop_changed_;
  // Guarded by mutex_.
  bool stopped_ = false;
  grpc::ClientContext* stream_ = nullptr;
};

}  // namespace trainyard::client

#include "client/lib/resuming_stream.h"

#include <algorithm>

namespace trainyard::client {
namespace {

using std::chrono::steady_clock;

constexpr std::chrono::milliseconds kLongestDelay{4000};

grpc::Status Stopped() { return {grpc::StatusCode::CANCELLED, "stopped"}; }

// The server is away, or has dropped us because we did not read for long; we have not
// cancelled ourselves.
bool IsPassing(const grpc::Status& status) {
  return status.error_code() == grpc::StatusCode::UNAVAILABLE ||
         status.error_code() == grpc::StatusCode::CANCELLED;
}

}  // namespace

grpc::Status ResumingStream::Run(Connection& connection, const Read& read,
                                 const Interrupted& interrupted) {
  if (grpc::Status ready = connection.WaitUntilReady(); !ready.ok()) return ready;
  std::chrono::milliseconds delay = patience_.first_delay;
  last_message_ = steady_clock::now();
  while (true) {
    const steady_clock::time_point opened = steady_clock::now();
    const grpc::Status status = ReadOnce(read);
    if (status.ok()) return status;
    {
      std::lock_guard lock(mutex_);
      if (stopped_) return Stopped();
    }
    if (!IsPassing(status)) return status;
    // A stream that worked starts the patience, and the delays, anew.
    const bool worked = last_message_ > opened;
    if (worked) delay = patience_.first_delay;
    const steady_clock::time_point since = worked ? steady_clock::now() : last_message_;
    if (worked) last_message_ = since;
    if (steady_clock::now() + delay - since > patience_.give_up) return status;
    interrupted(status, delay);
    if (!Sleep(delay)) return Stopped();
    delay = std::min(delay * 2, kLongestDelay);
  }
}

grpc::Status ResumingStream::ReadOnce(const Read& read) {
  grpc::ClientContext context;
  {
    std::lock_guard lock(mutex_);
    if (stopped_) return Stopped();
    stream_ = &context;
  }
  const grpc::Status status = read(context);
  std::lock_guard lock(mutex_);
  stream_ = nullptr;
  return status;
}

bool ResumingStream::Sleep(std::chrono::milliseconds delay) {
  std::unique_lock lock(mutex_);
  return !stop_changed_.wait_for(lock, delay, [this] { return stopped_; });
}

void ResumingStream::Stop() {
  std::lock_guard lock(mutex_);
  stopped_ = true;
  if (stream_ != nullptr) stream_->TryCancel();
  stop_changed_.notify_all();
}

}  // namespace trainyard::client

#include "client/lib/job_watch.h"

#include <algorithm>
#include <utility>

namespace trainyard::client {

JobWatch::JobWatch(Connection& connection, Options options)
    : connection_(connection),
      options_(std::move(options)),
      last_sequence_(options_.after_sequence) {}

grpc::Status JobWatch::Run(JobObserver& observer) {
  using std::chrono::steady_clock;
  if (grpc::Status ready = connection_.WaitUntilReady(); !ready.ok()) return ready;
  std::chrono::milliseconds delay = options_.first_delay;
  last_message_ = steady_clock::now();
  while (true) {
    const steady_clock::time_point opened = steady_clock::now();
    const grpc::Status status = ReadStream(observer);
    if (status.ok()) return status;
    {
      std::lock_guard lock(mutex_);
      if (stopped_) return {grpc::StatusCode::CANCELLED, "stopped"};
    }
    if (status.error_code() != grpc::StatusCode::UNAVAILABLE) return status;
    // A stream that worked starts the patience, and the delays, anew.
    const bool worked = last_message_ > opened;
    if (worked) delay = options_.first_delay;
    const steady_clock::time_point since = worked ? steady_clock::now() : last_message_;
    if (worked) last_message_ = since;
    if (steady_clock::now() + delay - since > options_.give_up) return status;
    observer.OnInterrupted(status, delay);
    if (!Sleep(delay)) return {grpc::StatusCode::CANCELLED, "stopped"};
    delay = std::min(delay * 2, std::chrono::milliseconds(4000));
  }
}

grpc::Status JobWatch::ReadStream(JobObserver& observer) {
  v1::WatchTrainingJobRequest request;
  request.set_name(options_.job);
  request.set_after_sequence(last_sequence_);
  request.set_progress(options_.progress);
  grpc::ClientContext context;
  {
    std::lock_guard lock(mutex_);
    if (stopped_) return {grpc::StatusCode::CANCELLED, "stopped"};
    stream_ = &context;
  }
  const auto reader = connection_.stub<v1::TrainingService>().WatchTrainingJob(&context, request);
  v1::WatchTrainingJobResponse message;
  while (reader->Read(&message)) Deliver(message, observer);
  const grpc::Status status = reader->Finish();
  std::lock_guard lock(mutex_);
  stream_ = nullptr;
  return status;
}

void JobWatch::Deliver(const v1::WatchTrainingJobResponse& message, JobObserver& observer) {
  last_message_ = std::chrono::steady_clock::now();
  if (message.has_event() && message.event().sequence() > last_sequence_) {
    observer.OnEvent(message.event());
    last_sequence_ = message.event().sequence();
  } else if (message.has_progress()) {
    observer.OnProgress(message.progress());
  }
}

bool JobWatch::Sleep(std::chrono::milliseconds delay) {
  std::unique_lock lock(mutex_);
  return !stop_changed_.wait_for(lock, delay, [this] { return stopped_; });
}

void JobWatch::Stop() {
  std::lock_guard lock(mutex_);
  stopped_ = true;
  if (stream_ != nullptr) stream_->TryCancel();
  stop_changed_.notify_all();
}

}  // namespace trainyard::client

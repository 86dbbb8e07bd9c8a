#include "tests/bench/watch/watcher.h"

#include <chrono>

namespace trainyard::bench {
namespace {

double MillisecondsSince(const google::protobuf::Timestamp& time) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(now).count();
  return static_cast<double>(micros - (time.seconds() * 1'000'000 + time.nanos() / 1000)) / 1000;
}

// Keeps the greatest of all that were told.
void Raise(std::atomic<std::int64_t>& greatest, std::int64_t value) {
  std::int64_t known = greatest;
  while (known < value && !greatest.compare_exchange_weak(known, value)) {
  }
}

}  // namespace

void Watcher::Open() {
  {
    const std::lock_guard lock(mutex_);
    status_.reset();
  }
  context_.emplace();
  request_.set_name(run_.job);
  request_.set_after_sequence(cursor_);
  stub_.async()->WatchTrainingJob(&*context_, &request_, this);
  reading_on_ = kind_ != Kind::kSilent;
  // ReadOn reads from outside a reaction.
  if (kind_ == Kind::kSilent) AddHold();
  StartRead(&message_);
  StartCall();
}

void Watcher::ReadOn() {
  reading_on_ = true;
  StartRead(&message_);
  RemoveHold();
}

grpc::Status Watcher::Wait() {
  std::unique_lock lock(mutex_);
  ended_.wait(lock, [this] { return status_.has_value(); });
  return *status_;
}

bool Watcher::done() {
  const std::lock_guard lock(mutex_);
  return status_.has_value();
}

void Watcher::OnReadDone(bool ok) {
  if (!ok) return;
  if (message_.has_event()) Note(message_.event());
  if (reading_on_) StartRead(&message_);
}

void Watcher::OnDone(const grpc::Status& status) {
  const std::lock_guard lock(mutex_);
  status_ = status;
  ended_.notify_all();
}

void Watcher::Note(const v1::TrainingEvent& event) {
  ++received_;
  Check(event.sequence());
  if (run_.measuring) {
    ++run_.measured_messages;
    if (kind_ == Kind::kReader) {
      lags_.push_back(static_cast<float>(MillisecondsSince(event.time())));
    }
  }
  if (!opened_) {
    opened_ = true;
    ++run_.opened;
  }
}

void Watcher::Check(std::int64_t sequence) {
  const std::int64_t expected = cursor_ + 1;
  if (sequence > expected) ++violations_.gaps;
  if (sequence == cursor_) ++violations_.doubles;
  if (sequence < cursor_) ++violations_.out_of_order;
  Raise(cursor_, sequence);
  Raise(run_.newest, sequence);
}

}  // namespace trainyard::bench

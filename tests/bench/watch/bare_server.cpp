#include "tests/bench/watch/bare_server.h"

#include <chrono>
#include <string>
#include <vector>

namespace trainyard::bench {
namespace {

google::protobuf::Timestamp Now() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(now).count();
  google::protobuf::Timestamp time;
  time.set_seconds(micros / 1'000'000);
  time.set_nanos(static_cast<int>(micros % 1'000'000) * 1000);
  return time;
}

// An epoch's event, with every field that the real one has.
grpc::ByteBuffer MadeUp(std::int64_t sequence) {
  v1::WatchTrainingJobResponse response;
  v1::TrainingEvent& event = *response.mutable_event();
  event.set_sequence(sequence);
  event.set_attempt(1);
  *event.mutable_time() = Now();
  v1::EpochCompleted& epoch = *event.mutable_epoch();
  epoch.set_epoch(static_cast<std::int32_t>(sequence));
  epoch.set_cost(1000.0 / static_cast<double>(sequence));
  epoch.set_mean_cost(epoch.cost() / 1000);
  epoch.set_train_accuracy(0.9);
  epoch.set_learning_rate(0.3);
  epoch.set_seconds(1);
  epoch.set_samples_per_second(1000);
  epoch.set_energy_joules(10);
  epoch.set_energy_source(v1::ESTIMATED);
  const grpc::Slice slice(response.SerializeAsString());
  return grpc::ByteBuffer(&slice, 1);
}

std::int64_t CursorOf(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  std::string bytes;
  if (buffer.Dump(&slices).ok()) {
    for (const grpc::Slice& slice : slices) {
      bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
    }
  }
  v1::WatchTrainingJobRequest request;
  request.ParseFromString(bytes);
  return request.after_sequence();
}

}  // namespace

BareLog::BareLog(std::int64_t history, bool live) : live_(live) {
  for (std::int64_t sequence = 1; sequence <= history; ++sequence) {
    events_.push_back(MadeUp(sequence));
  }
}

void BareLog::Append() {
  std::vector<std::shared_ptr<BareReactor>> reactors;
  {
    const std::lock_guard lock(mutex_);
    events_.push_back(MadeUp(static_cast<std::int64_t>(events_.size()) + 1));
    reactors.assign(reactors_.begin(), reactors_.end());
  }
  for (const auto& reactor : reactors) reactor->Next();
}

const grpc::ByteBuffer* BareLog::After(std::int64_t sequence) {
  const std::lock_guard lock(mutex_);
  const auto index = static_cast<std::size_t>(sequence);
  return index < events_.size() ? &events_[index] : nullptr;
}

void BareLog::Add(const std::shared_ptr<BareReactor>& reactor) {
  const std::lock_guard lock(mutex_);
  reactors_.insert(reactor);
}

void BareLog::Remove(const std::shared_ptr<BareReactor>& reactor) {
  const std::lock_guard lock(mutex_);
  reactors_.erase(reactor);
}

void BareReactor::Next() {
  const grpc::ByteBuffer* event = nullptr;
  {
    const std::lock_guard lock(mutex_);
    if (writing_ || finished_ || broken_) return;
    event = log_.After(cursor_);
    if (event != nullptr) {
      ++cursor_;
      writing_ = true;
    }
  }
  if (event != nullptr) {
    StartWrite(event);
  } else if (!log_.live()) {
    FinishOnce(grpc::Status::OK);
  }
}

void BareReactor::OnWriteDone(bool ok) {
  bool broken = false;
  {
    const std::lock_guard lock(mutex_);
    writing_ = false;
    broken_ = broken_ || !ok;
    broken = broken_;
  }
  if (broken) return FinishOnce(grpc::Status::CANCELLED);
  Next();
}

void BareReactor::OnCancel() {
  {
    const std::lock_guard lock(mutex_);
    broken_ = true;
    // The write's end comes yet.
    if (writing_) return;
  }
  FinishOnce(grpc::Status::CANCELLED);
}

void BareReactor::FinishOnce(const grpc::Status& status) {
  {
    const std::lock_guard lock(mutex_);
    if (finished_) return;
    finished_ = true;
  }
  Finish(status);
}

grpc::ServerWriteReactor<grpc::ByteBuffer>* BareService::WatchTrainingJob(
    grpc::CallbackServerContext*, const grpc::ByteBuffer* request) {
  auto reactor = std::make_shared<BareReactor>(log_, CursorOf(*request));
  log_.Add(reactor);
  reactor->Next();
  return reactor.get();
}

}  // namespace trainyard::bench

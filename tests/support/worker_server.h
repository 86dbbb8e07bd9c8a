// The server's side of WorkerService, played by a test.
#pragma once

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "trainyard/worker/v1/worker.grpc.pb.h"

namespace trainyard::server {

// Listens on a socket, gives the one worker that attaches its task, keeps what
// it sends, and acknowledges reports. The test's thread calls it.
class WorkerServer final : public worker::v1::WorkerService::Service {
 public:
  using Message = worker::v1::WorkerMessage;

  // Reports up to `durable` are acknowledged to one that attaches again; a
  // `refusal` turns every worker away.
  WorkerServer(const std::filesystem::path& socket, worker::v1::ServerMessage task,
               std::int64_t durable = 0, grpc::Status refusal = grpc::Status::OK)
      : task_(std::move(task)), durable_(durable), refusal_(std::move(refusal)) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("unix:" + socket.string(), grpc::InsecureServerCredentials());
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
  }
  ~WorkerServer() override {
    Agree();
    Vanish();
  }

  // Before the worker starts: it is turned away with this status.
  void Refuse(grpc::Status status) {
    const std::lock_guard lock(mutex_);
    refusal_ = std::move(status);
  }

  // Reports up to this number are acknowledged when they arrive, and those that have
  // arrived now; all, before the first call.
  void AcknowledgeUpTo(std::int64_t number) {
    {
      const std::lock_guard lock(mutex_);
      acknowledged_ = number;
      number = std::min(number, last_report_);
    }
    if (number > 0) Send(AcknowledgedMessage(number));
  }

  // From now on a worker that has said all waits for Agree to be told so.
  void Hesitate() {
    const std::lock_guard lock(mutex_);
    agrees_ = false;
  }
  void Agree() {
    const std::lock_guard lock(mutex_);
    agrees_ = true;
    changed_.notify_all();
  }
  bool WaitForAllSaid() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(60), [&] { return all_said_; });
  }

  void Send(const worker::v1::ServerMessage& message) {
    const std::lock_guard lock(write_mutex_);
    if (stream_ != nullptr) stream_->Write(message);
  }

  // Ends every stream without a word, as a crash does.
  void Vanish() { server_->Shutdown(std::chrono::system_clock::now()); }

  // Until what has been received is as wanted; false after `patience`.
  bool WaitFor(const std::function<bool(const std::vector<Message>&)>& wanted,
               std::chrono::milliseconds patience = std::chrono::seconds(60)) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, patience, [&] { return wanted(received_); });
  }

  std::vector<Message> received() {
    const std::lock_guard lock(mutex_);
    return received_;
  }

 private:
  using Stream = grpc::ServerReaderWriter<worker::v1::ServerMessage, Message>;

  static worker::v1::ServerMessage AcknowledgedMessage(std::int64_t number) {
    worker::v1::ServerMessage message;
    message.mutable_acknowledged()->set_number(number);
    return message;
  }

  grpc::Status Attach(grpc::ServerContext*, Stream* stream) override {
    if (auto refused = refusal(); !refused.ok()) return refused;
    {
      const std::lock_guard lock(write_mutex_);
      stream_ = stream;
    }
    Message message;
    while (stream->Read(&message)) {
      if (message.has_hello()) {
        Send(message.hello().again() ? AcknowledgedMessage(durable_) : task_);
      }
      if (Keep(message)) Send(AcknowledgedMessage(message.report().number()));
    }
    {
      const std::lock_guard lock(write_mutex_);
      stream_ = nullptr;
    }
    std::unique_lock lock(mutex_);
    all_said_ = true;
    changed_.notify_all();
    changed_.wait(lock, [&] { return agrees_; });
    return grpc::Status::OK;
  }

  grpc::Status refusal() {
    const std::lock_guard lock(mutex_);
    return refusal_;
  }

  // Whether it is to be acknowledged now.
  bool Keep(const Message& message) {
    const std::lock_guard lock(mutex_);
    received_.push_back(message);
    if (message.has_report()) last_report_ = message.report().number();
    changed_.notify_all();
    return message.has_report() && message.report().number() <= acknowledged_;
  }

  const worker::v1::ServerMessage task_;
  const std::int64_t durable_;
  // A stream takes one write at a time.
  std::mutex write_mutex_;
  Stream* stream_ = nullptr;  // guarded by write_mutex_
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Message> received_;                                         // guarded by mutex_
  std::int64_t acknowledged_ = std::numeric_limits<std::int64_t>::max();  // guarded by mutex_
  bool agrees_ = true;                                                    // guarded by mutex_
  bool all_said_ = false;                                                 // guarded by mutex_
  std::int64_t last_report_ = 0;                                          // guarded by mutex_
  grpc::Status refusal_;                                                  // guarded by mutex_
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace trainyard::server

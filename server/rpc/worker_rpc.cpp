#include "server/rpc/worker_rpc.h"

#include <memory>
#include <mutex>

#include "server/convert/status.h"

namespace trainyard::server {
namespace {

using Stream = grpc::ServerReaderWriter<worker::v1::ServerMessage, worker::v1::WorkerMessage>;

// Writes to a stream from any thread, until the stream ends.
class StreamLink final : public WorkerLink {
 public:
  explicit StreamLink(Stream* stream) : stream_(stream) {}

  // A stream takes one write at a time: this mutex is what makes it so, and
  // guards nothing that a reaction of gRPC could want.
  bool Send(const worker::v1::ServerMessage& message) override {
    const std::lock_guard lock(mutex_);
    return stream_ != nullptr && stream_->Write(message);
  }

  // The handler returns: the stream is no more.
  void Close() {
    const std::lock_guard lock(mutex_);
    stream_ = nullptr;
  }

 private:
  std::mutex mutex_;
  Stream* stream_;  // guarded by mutex_
};

}  // namespace

grpc::Status WorkerRpc::Attach(grpc::ServerContext*, Stream* stream) {
  worker::v1::WorkerMessage first;
  if (!stream->Read(&first) || !first.has_hello()) {
    return {grpc::StatusCode::INVALID_ARGUMENT, "a worker says hello first"};
  }
  auto link = std::make_shared<StreamLink>(stream);
  const auto status =
      pool_.Serve(first.hello(), link,
                  [stream](worker::v1::WorkerMessage& message) { return stream->Read(&message); });
  link->Close();
  return ToGrpcStatus(status);
}

}  // namespace trainyard::server

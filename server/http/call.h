// Calls of the public services through the server's own in-process channel.
#pragma once

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <atomic>
#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>

namespace trainyard::server {

// Which method, and for whom.
struct CallTarget {
  // /package.Service/Method
  std::string method;
  // The metadata `authorization`; none where it is empty.
  std::string authorization;
  // kPeerMetadata; none where it is empty.
  std::string peer = {};
};

// Calls a unary method; `done` runs on `executor`, once, with the answer's bytes.
void CallUnary(grpc::GenericStub& stub, const CallTarget& target, grpc::ByteBuffer request,
               std::chrono::milliseconds timeout, boost::asio::any_io_executor executor,
               std::function<void(grpc::Status, grpc::ByteBuffer)> done);

// Who began a StreamCall; called on its executor.
class StreamOwner {
 public:
  virtual ~StreamOwner() = default;
  // A message has come: Read asks for the next.
  virtual void OnMessage(grpc::ByteBuffer message) = 0;
  // A write is done; false where the call has ended meanwhile.
  virtual void OnWritten(bool ok) = 0;
  // The last that is heard.
  virtual void OnEnd(const grpc::Status& status) = 0;
};

// A call that streams one way or the other. All methods are called on one
// executor, on which the owner hears what happened. gRPC's reactions only post
// there: never is there a second read or write outstanding, nor a call into gRPC
// from within a reaction. Lives until gRPC is done with it, whoever lets it go.
class StreamCall final : public grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>,
                         public std::enable_shared_from_this<StreamCall> {
 public:
  static std::shared_ptr<StreamCall> Start(grpc::GenericStub& stub, const CallTarget& target,
                                           boost::asio::any_io_executor executor,
                                           std::shared_ptr<StreamOwner> owner);
  StreamCall(boost::asio::any_io_executor executor, std::shared_ptr<StreamOwner> owner)
      : executor_(std::move(executor)), owner_(std::move(owner)) {}

  // Asks for the next message. The call's end is only seen while one is asked for.
  void Read();
  // Sends a message; the next one after on_written.
  void Write(grpc::ByteBuffer message, bool last);
  // Says that there are no more, where the last one did not.
  void EndWrites();
  // The owner hears nothing more; it is held until gRPC is done, and with it the
  // executor's context.
  void Cancel();

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnWritesDoneDone(bool ok) override;
  void OnDone(const grpc::Status& status) override;

 private:
  void ReadDone(bool ok);
  void WriteDone(bool ok);
  void ReleaseIfIdle();

  const boost::asio::any_io_executor executor_;
  grpc::ClientContext context_;
  // Orders what Start has written before gRPC's reactions: gRPC does so itself, but
  // ThreadSanitizer does not see gRPC.
  std::atomic<bool> begun_ = false;

  // What follows belongs to the executor, but for the buffers of what is
  // outstanding.
  std::shared_ptr<StreamOwner> owner_;
  bool cancelled_ = false;
  grpc::ByteBuffer incoming_;
  grpc::ByteBuffer outgoing_;
  bool reading_ = false;
  bool writing_ = false;
  bool ended_ = false;  // no more operations are begun
  bool held_ = true;    // gRPC waits for us with OnDone
  // While gRPC may react.
  std::shared_ptr<StreamCall> self_;
};

}  // namespace trainyard::server

#include "server/http/call.h"

#include <boost/asio/post.hpp>
#include <utility>

#include "server/convert/peer.h"

namespace trainyard::server {
namespace {

void Authorize(grpc::ClientContext& context, const CallTarget& target) {
  if (!target.authorization.empty()) context.AddMetadata("authorization", target.authorization);
  if (!target.peer.empty()) context.AddMetadata(std::string(kPeerMetadata), target.peer);
}

}  // namespace

void CallUnary(grpc::GenericStub& stub, const CallTarget& target, grpc::ByteBuffer request,
               std::chrono::milliseconds timeout, boost::asio::any_io_executor executor,
               std::function<void(grpc::Status, grpc::ByteBuffer)> done) {
  struct Call {
    grpc::ClientContext context;
    grpc::ByteBuffer request;
    grpc::ByteBuffer response;
  };
  auto call = std::make_shared<Call>();
  call->request = std::move(request);
  call->context.set_deadline(std::chrono::system_clock::now() + timeout);
  Authorize(call->context, target);
  stub.UnaryCall(
      &call->context, target.method, {}, &call->request, &call->response,
      [call, executor = std::move(executor), done = std::move(done)](grpc::Status status) {
        boost::asio::post(executor, [call, done, status = std::move(status)] {
          done(status, std::move(call->response));
        });
      });
}

std::shared_ptr<StreamCall> StreamCall::Start(grpc::GenericStub& stub, const CallTarget& target,
                                              boost::asio::any_io_executor executor,
                                              std::shared_ptr<StreamOwner> owner) {
  auto call = std::make_shared<StreamCall>(std::move(executor), std::move(owner));
  call->self_ = call;
  Authorize(call->context_, target);
  stub.PrepareBidiStreamingCall(&call->context_, target.method, {}, call.get());
  // Operations begin outside of reactions.
  call->AddHold();
  call->begun_.store(true, std::memory_order_release);
  call->StartCall();
  return call;
}

void StreamCall::Read() {
  if (reading_ || ended_) return;
  reading_ = true;
  StartRead(&incoming_);
}

void StreamCall::Write(grpc::ByteBuffer message, bool last) {
  if (writing_ || ended_) return;
  writing_ = true;
  outgoing_ = std::move(message);
  if (last) {
    StartWriteLast(&outgoing_, {});
  } else {
    StartWrite(&outgoing_);
  }
}

void StreamCall::EndWrites() {
  if (writing_ || ended_) return;
  writing_ = true;
  StartWritesDone();
}

void StreamCall::Cancel() {
  cancelled_ = true;
  ended_ = true;
  context_.TryCancel();
  ReleaseIfIdle();
}

void StreamCall::ReleaseIfIdle() {
  if (!held_ || !ended_ || reading_ || writing_) return;
  held_ = false;
  RemoveHold();
}

void StreamCall::OnReadDone(bool ok) {
  (void)begun_.load(std::memory_order_acquire);
  boost::asio::post(executor_, [self = shared_from_this(), ok] { self->ReadDone(ok); });
}

void StreamCall::OnWriteDone(bool ok) {
  (void)begun_.load(std::memory_order_acquire);
  boost::asio::post(executor_, [self = shared_from_this(), ok] { self->WriteDone(ok); });
}

void StreamCall::OnWritesDoneDone(bool ok) { OnWriteDone(ok); }

void StreamCall::OnDone(const grpc::Status& status) {
  (void)begun_.load(std::memory_order_acquire);
  boost::asio::post(executor_, [self = std::move(self_), status] {
    const auto owner = std::exchange(self->owner_, nullptr);
    if (!self->cancelled_) owner->OnEnd(status);
  });
}

void StreamCall::ReadDone(bool ok) {
  reading_ = false;
  ended_ = ended_ || !ok;
  if (ok && !cancelled_) owner_->OnMessage(std::move(incoming_));
  ReleaseIfIdle();
}

void StreamCall::WriteDone(bool ok) {
  writing_ = false;
  if (!cancelled_) owner_->OnWritten(ok && !ended_);
  ReleaseIfIdle();
}

}  // namespace trainyard::server

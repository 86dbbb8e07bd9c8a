#include "server/http/upload.h"

#include <boost/beast/http/read.hpp>
#include <utility>

#include "server/http/transcode.h"

namespace trainyard::server {
namespace {

namespace bhttp = boost::beast::http;
using boost::beast::error_code;

constexpr std::size_t kChunkBytes = 256 << 10;
constexpr char kFinish[] = "finish";
constexpr char kFinishField[] = "finish_part";

}  // namespace

Upload::Upload(std::shared_ptr<HttpConnection> connection, HeadParser& head, RequestPlan plan)
    : connection_(std::move(connection)), parser_(std::move(head)), plan_(std::move(plan)) {
  parser_.body_limit(kNoLimit);
}

void Upload::Start() {
  const auto finish = Find(plan_.query, kFinish);
  std::erase_if(plan_.query, [](const auto& pair) { return pair.first == kFinish; });
  auto request = ToRequest(*plan_.route, plan_.name, plan_.query, "");
  // Read with the field's own rules, and sent with the last message.
  if (finish && request.ok()) {
    const auto status = SetField(**request, kFinishField, *finish);
    if (!status.ok()) request = status;
  }
  if (!request.ok())
    return connection_->Respond(ErrorResponse(request.status()), parser_.is_done());
  finish_ = finish == "true";
  const auto* field = (*request)->GetDescriptor()->FindFieldByName(kFinishField);
  if (field != nullptr) (*request)->GetReflection()->ClearField(request->get(), field);
  chunk_.resize(kChunkBytes);
  call_ = StreamCall::Start(connection_->gateway().stub(),
                            {plan_.route->rpc_path(), plan_.credentials.authorization},
                            connection_->stream().get_executor(), shared_from_this());
  call_->Read();
  call_->Write(ToBytes(**request), false);
}

void Upload::OnWritten(bool ok) {
  // Where the method has ended early, OnEnd says why.
  if (!ok || done_) return;
  if (parser_.is_done()) return WriteLast();
  ReadChunk();
}

void Upload::ReadChunk() {
  parser_.get().body().data = chunk_.data();
  parser_.get().body().size = chunk_.size();
  connection_->stream().tcp().expires_after(connection_->limits().body);
  bhttp::async_read(
      connection_->stream(), connection_->buffer(), parser_,
      [self = shared_from_this()](error_code error, std::size_t) { self->OnChunk(error); });
}

void Upload::OnChunk(error_code error) {
  if (answered_) return;
  if (error && error != bhttp::error::need_buffer) {
    call_->Cancel();
    return connection_->Close();
  }
  const std::size_t size = chunk_.size() - parser_.get().body().size;
  if (size == 0) return WriteLast();
  const auto message = NewMessage(*plan_.route->method->input_type());
  const auto* field = message->GetDescriptor()->FindFieldByName("chunk");
  message->GetReflection()->SetString(message.get(), field, std::string(chunk_.data(), size));
  call_->Write(ToBytes(*message), false);
}

void Upload::WriteLast() {
  done_ = true;
  if (!finish_) return call_->EndWrites();
  const auto message = NewMessage(*plan_.route->method->input_type());
  const auto* field = message->GetDescriptor()->FindFieldByName(kFinishField);
  message->GetReflection()->SetBool(message.get(), field, true);
  call_->Write(ToBytes(*message), true);
}

void Upload::OnMessage(grpc::ByteBuffer message) {
  answer_ = ToString(message);
  call_->Read();
}

void Upload::OnEnd(const grpc::Status& status) {
  answered_ = true;
  if (!status.ok()) return connection_->Respond(ErrorResponse(status), done_);
  const auto message = NewMessage(*plan_.route->method->output_type());
  message->ParseFromString(answer_);
  HttpResponse response;
  response.body = ToJson(*message);
  connection_->Respond(std::move(response), done_);
}

}  // namespace trainyard::server

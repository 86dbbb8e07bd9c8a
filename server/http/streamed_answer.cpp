#include "server/http/streamed_answer.h"

#include <boost/asio/write.hpp>
#include <utility>

#include "absl/strings/str_format.h"
#include "core/base/text.h"
#include "server/http/transcode.h"

namespace trainyard::server {
namespace {

namespace asio = boost::asio;
using boost::beast::error_code;

// Messages that wait to be written together.
constexpr std::size_t kAhead = 16;
// How long an error may take and still be the answer's own status; then the
// stream is open, though nothing has happened yet.
constexpr std::chrono::milliseconds kPatience{250};
// The kernel's part in what a slow reader costs.
constexpr int kSendBufferBytes = 64 << 10;

std::shared_ptr<const std::string> Text(std::string text) {
  return std::make_shared<const std::string>(std::move(text));
}

}  // namespace

StreamedAnswer::StreamedAnswer(std::shared_ptr<HttpConnection> connection, const Route& route)
    : connection_(std::move(connection)),
      route_(route),
      events_(route.kind == RouteKind::kEvents),
      patience_(connection_->stream().get_executor()) {
  if (events_) ++connection_->gateway().event_streams();
}

StreamedAnswer::~StreamedAnswer() {
  if (events_) --connection_->gateway().event_streams();
}

void StreamedAnswer::Start(const std::string& authorization, grpc::ByteBuffer request) {
  Listen();
  call_ = StreamCall::Start(connection_->gateway().stub(), {route_.rpc_path(), authorization},
                            connection_->stream().get_executor(), shared_from_this());
  call_->Read();
  call_->Write(std::move(request), true);
  if (!events_) return;
  patience_.expires_after(kPatience);
  patience_.async_wait([self = shared_from_this()](error_code error) {
    if (!error && !self->end_) self->Open();
  });
}

// Hears at once when the client goes; one that waits for a stream says nothing.
void StreamedAnswer::Listen() {
  auto& stream = connection_->stream();
  error_code ignored;
  if (events_) {
    stream.tcp().socket().set_option(asio::socket_base::send_buffer_size(kSendBufferBytes),
                                     ignored);
  }
  connection_->buffer().clear();
  connection_->buffer().shrink_to_fit();
  stream.tcp().expires_never();
  stream.async_read_some(asio::buffer(&heard_, 1),
                         [self = shared_from_this()](error_code, std::size_t) { self->GiveUp(); });
}

void StreamedAnswer::GiveUp() {
  if (gone_) return;
  gone_ = true;
  patience_.cancel();
  if (call_ != nullptr) call_->Cancel();
  connection_->Close();
}

void StreamedAnswer::Open() {
  if (open_ || gone_) return;
  open_ = true;
  patience_.cancel();
  connection_->gateway().Answered(200);
  head_ = StrCat("HTTP/1.1 200 OK\r\nContent-Type: ",
                 events_ ? "text/event-stream" : "application/octet-stream", "\r\n",
                 connection_->speaks_chunks() ? "Transfer-Encoding: chunked\r\n" : "",
                 // nginx would gather events.
                 "Cache-Control: no-store\r\nConnection: close\r\nX-Accel-Buffering: no\r\n",
                 connection_->CommonHeaders(), "\r\n");
  if (events_) Push(Text(SseOpening()));
}

void StreamedAnswer::OnMessage(grpc::ByteBuffer message) {
  if (gone_) return;
  Open();
  Push(FrameOf(message));
  if (waiting_.size() < kAhead) call_->Read();
}

StreamedAnswer::Frame StreamedAnswer::FrameOf(const grpc::ByteBuffer& bytes) {
  const auto& type = *route_.method->output_type();
  if (events_) return connection_->gateway().frames().Get(type, bytes);
  const auto message = NewMessage(type);
  message->ParseFromString(ToString(bytes));
  return Text(message->GetReflection()->GetString(*message, type.FindFieldByName("chunk")));
}

void StreamedAnswer::OnEnd(const grpc::Status& status) {
  if (gone_) return;
  end_ = status;
  if (!open_ && !status.ok()) {
    gone_ = true;
    patience_.cancel();
    return connection_->Respond(ErrorResponse(status), false);
  }
  Open();
  Write();
}

void StreamedAnswer::Push(Frame frame) {
  if (!frame->empty()) waiting_.push_back(std::move(frame));
  Write();
}

// Browsers come back by themselves to a server that starts again, so a stream that
// it ends for that ends without a word.
void StreamedAnswer::AddEnding() {
  last_ = true;
  if (events_ && end_->error_code() != grpc::StatusCode::UNAVAILABLE) {
    waiting_.push_back(Text(SseEnding(*end_)));
  }
}

void StreamedAnswer::Write() {
  if (writing_ || gone_ || !open_) return;
  // Bytes that break off must not look whole.
  if (end_ && !events_ && !end_->ok()) return GiveUp();
  if (end_) AddEnding();
  if (waiting_.empty() && !last_) return;
  std::size_t size = 0;
  for (const Frame& frame : waiting_) size += frame->size();
  if (connection_->speaks_chunks()) {
    if (size > 0) {
      waiting_.insert(waiting_.begin(), Text(absl::StrFormat("%x\r\n", size)));
      waiting_.push_back(Text("\r\n"));
    }
    if (last_) waiting_.push_back(Text("0\r\n\r\n"));
  }
  if (!head_.empty()) waiting_.insert(waiting_.begin(), Text(std::exchange(head_, "")));
  SendWaiting();
}

void StreamedAnswer::SendWaiting() {
  writing_ = true;
  in_flight_ = std::exchange(waiting_, {});
  std::vector<asio::const_buffer> buffers;
  buffers.reserve(in_flight_.size());
  for (const Frame& frame : in_flight_) buffers.push_back(asio::buffer(*frame));
  connection_->stream().tcp().expires_after(connection_->limits().write);
  asio::async_write(
      connection_->stream(), buffers,
      [self = shared_from_this()](error_code error, std::size_t) { self->OnSent(error); });
}

void StreamedAnswer::OnSent(error_code error) {
  writing_ = false;
  in_flight_.clear();
  if (error || last_) return GiveUp();
  Write();
  if (waiting_.size() < kAhead) call_->Read();
}

}  // namespace trainyard::server

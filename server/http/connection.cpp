#include "server/http/connection.h"

#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/detect_ssl.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>
#include <utility>

#include "core/base/error.h"
#include "core/base/text.h"
#include "server/http/streamed_answer.h"
#include "server/http/transcode.h"
#include "server/http/upload.h"

namespace trainyard::server {
namespace {

namespace beast = boost::beast;
namespace bhttp = beast::http;

constexpr std::size_t kDiscardBytes = 16 << 10;

absl::Status TooLarge(const char* what, std::uint64_t limit) {
  return MakeError(absl::StatusCode::kInvalidArgument, {"TOO_LARGE", "", {}},
                   StrCat("the request's ", what, " is larger than ", limit, " bytes"));
}

}  // namespace

std::string PeerOf(const boost::asio::ip::tcp::endpoint& client) {
  const std::string host = client.address().to_string();
  return client.address().is_v4() ? StrCat("ipv4:", host, ":", client.port())
                                  : StrCat("ipv6:[", host, "]:", client.port());
}

void HttpConnections::Add(const std::shared_ptr<HttpConnection>& connection) {
  const std::lock_guard lock(mutex_);
  all_.emplace(connection.get(), connection);
}

void HttpConnections::Remove(HttpConnection* connection) {
  const std::lock_guard lock(mutex_);
  all_.erase(connection);
}

std::size_t HttpConnections::count() {
  const std::lock_guard lock(mutex_);
  return all_.size();
}

std::vector<std::shared_ptr<HttpConnection>> HttpConnections::All() {
  const std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<HttpConnection>> all;
  for (const auto& [key, weak] : all_) {
    if (auto connection = weak.lock()) all.push_back(std::move(connection));
  }
  return all;
}

void HttpConnections::Drain() {
  for (const auto& connection : All()) connection->Drain();
}

void HttpConnections::CloseAll() {
  for (const auto& connection : All()) connection->Close();
}

HttpConnection::HttpConnection(Stream stream, Gateway& gateway, const HttpLimits& limits,
                               HttpConnections& connections, std::shared_ptr<void> slot)
    : stream_(std::move(stream)),
      gateway_(gateway),
      limits_(limits),
      connections_(connections),
      slot_(std::move(slot)) {
  ++gateway_.connections();
}

HttpConnection::~HttpConnection() {
  --gateway_.connections();
  connections_.Remove(this);
}

void HttpConnection::Run() {
  connections_.Add(shared_from_this());
  stream_.tcp().expires_after(limits_.idle);
  if (!stream_.secure()) return ReadHead();
  beast::async_detect_ssl(stream_.tcp(), buffer_,
                          [self = shared_from_this()](beast::error_code error, bool secure) {
                            if (error) return;
                            if (secure) return self->Handshake();
                            self->lost_its_way_ = true;
                            self->stream_.GoOnPlain();
                            self->ReadHead();
                          });
}

void HttpConnection::Handshake() {
  stream_.Handshake(buffer_.data(),
                    [self = shared_from_this()](beast::error_code error, std::size_t used) {
                      self->buffer_.consume(used);
                      if (!error) self->ReadHead();
                    });
}

void HttpConnection::Drain() {
  boost::asio::post(stream_.get_executor(), [self = shared_from_this()] {
    self->draining_ = true;
    if (self->waiting_ || self->lingering_) self->Shut();
  });
}

void HttpConnection::Close() {
  boost::asio::post(stream_.get_executor(), [self = shared_from_this()] { self->Shut(); });
}

// Closing while a client still sends makes its system throw away an answer that it
// has not read: what it sends is read, until it has seen that this is the end.
void HttpConnection::Linger() {
  beast::error_code ignored;
  stream_.tcp().socket().shutdown(boost::asio::ip::tcp::socket::shutdown_send, ignored);
  lingering_.emplace(stream_.get_executor(), limits_.linger);
  lingering_->async_wait([self = shared_from_this()](beast::error_code) { self->Shut(); });
  Discard();
}

// From the socket itself, as TLS may have a read of its own under way.
void HttpConnection::Discard() {
  discarded_.resize(kDiscardBytes);
  stream_.tcp().socket().async_read_some(
      boost::asio::buffer(discarded_),
      [self = shared_from_this()](beast::error_code error, std::size_t) {
        if (!error) return self->Discard();
        self->lingering_->cancel();
      });
}

void HttpConnection::Shut() {
  beast::error_code ignored;
  stream_.tcp().socket().shutdown(boost::asio::ip::tcp::socket::shutdown_send, ignored);
  stream_.tcp().close();
}

void HttpConnection::ReadHead() {
  if (draining_) return Shut();
  waiting_ = true;
  head_.emplace();
  head_->header_limit(limits_.header_bytes);
  head_->body_limit(kNoLimit);
  stream_.tcp().expires_after(limits_.idle);
  bhttp::async_read_header(
      stream_, buffer_, *head_,
      [self = shared_from_this()](beast::error_code error, std::size_t) { self->OnHead(error); });
}

void HttpConnection::OnHead(beast::error_code error) {
  waiting_ = false;
  if (error) return RefuseHead(error);
  keep_alive_ = head_->keep_alive() && !lost_its_way_;
  request_ = head_->get().base();
  plan_ = lost_its_way_ ? Gateway::PlanToTls(request_) : gateway_.PlanFor(request_);
  plan_.peer = Peer();
  Serve();
}

std::string HttpConnection::Peer() {
  beast::error_code error;
  const auto end = stream_.tcp().socket().remote_endpoint(error);
  return error ? "" : PeerOf(end);
}

// The client has gone, or does not speak HTTP.
void HttpConnection::RefuseHead(beast::error_code error) {
  if (error.category() != bhttp::make_error_code(bhttp::error::bad_method).category() ||
      error == bhttp::error::end_of_stream || error == bhttp::error::partial_message) {
    return Shut();
  }
  request_ = {};
  if (error == bhttp::error::header_limit) {
    return Respond(ErrorResponse(bhttp::status::request_header_fields_too_large,
                                 TooLarge("head", limits_.header_bytes)),
                   false);
  }
  Respond(ErrorResponse(FieldError("", "MALFORMED_HTTP", StrCat("not HTTP: ", error.message()))),
          false);
}

void HttpConnection::Serve() {
  switch (plan_.kind) {
    case RequestPlan::Kind::kRespond:
      return Respond(std::move(plan_.response), head_->is_done());
    case RequestPlan::Kind::kStream:
      return StreamAnswer();
    case RequestPlan::Kind::kUnary:
    case RequestPlan::Kind::kModel:
    case RequestPlan::Kind::kLogin:
      return Continue([self = shared_from_this()] { self->ReadBody(); });
    case RequestPlan::Kind::kUpload:
      return Continue([self = shared_from_this()] {
        std::make_shared<Upload>(self, *self->head_, std::move(self->plan_))->Start();
      });
  }
}

// Says that the body may come, to a client that waits for it.
void HttpConnection::Continue(std::function<void()> then) {
  static constexpr std::string_view kGoOn = "HTTP/1.1 100 Continue\r\n\r\n";
  if (request_[bhttp::field::expect].empty() || head_->is_done()) return then();
  stream_.tcp().expires_after(limits_.write);
  boost::asio::async_write(
      stream_, boost::asio::buffer(kGoOn.data(), kGoOn.size()),
      [self = shared_from_this(), then = std::move(then)](beast::error_code error, std::size_t) {
        if (!error) then();
      });
}

void HttpConnection::ReadBody() {
  body_.emplace(std::move(*head_));
  body_->body_limit(BodyLimit());
  const auto length = body_->content_length();
  if (length && *length > BodyLimit()) return OnBody(bhttp::error::body_limit);
  stream_.tcp().expires_after(limits_.body);
  bhttp::async_read(
      stream_, buffer_, *body_,
      [self = shared_from_this()](beast::error_code error, std::size_t) { self->OnBody(error); });
}

void HttpConnection::OnBody(beast::error_code error) {
  if (error == bhttp::error::body_limit) {
    return Respond(ErrorResponse(bhttp::status::payload_too_large, TooLarge("body", BodyLimit())),
                   false);
  }
  if (error) return Shut();
  std::string body = std::move(body_->get().body());
  body_.reset();
  const auto respond = [self = shared_from_this()](HttpResponse response) {
    self->Respond(std::move(response));
  };
  if (plan_.kind == RequestPlan::Kind::kLogin) {
    return gateway_.LogIn(body, stream_.get_executor(), respond);
  }
  if (plan_.kind == RequestPlan::Kind::kModel) {
    return gateway_.CallModel(plan_, body, stream_.get_executor(), respond);
  }
  gateway_.Call(plan_, body, stream_.get_executor(), respond);
}

std::uint64_t HttpConnection::BodyLimit() const {
  return plan_.kind == RequestPlan::Kind::kModel ? limits_.model_body_bytes : limits_.body_bytes;
}

void HttpConnection::StreamAnswer() {
  if (!head_->is_done()) {
    return Respond(ErrorResponse(FieldError("", "UNEXPECTED_BODY", "a stream takes no body")),
                   false);
  }
  const auto request = ToRequest(*plan_.route, plan_.name, plan_.query, "");
  if (!request.ok()) return Respond(ErrorResponse(request.status()));
  auto answer = std::make_shared<StreamedAnswer>(shared_from_this(), *plan_.route);
  answer->Start(plan_.credentials.authorization, ToBytes(**request));
}

std::string HttpConnection::CommonHeaders() const {
  std::string lines;
  for (const auto& [name, value] : gateway_.HeadersFor(request_)) {
    lines += StrCat(name, ": ", value, "\r\n");
  }
  return lines;
}

void HttpConnection::Respond(HttpResponse response, bool body_was_read) {
  auto message = std::make_shared<bhttp::response<bhttp::string_body>>();
  message->result(response.status);
  gateway_.Answered(static_cast<int>(response.status));
  message->version(11);
  for (const auto& [name, value] : gateway_.HeadersFor(request_)) message->set(name, value);
  message->set(bhttp::field::cache_control, "no-store");
  for (const auto& [name, value] : response.headers) {
    if (name == "Vary") {
      message->insert(name, value);  // beside that of CORS
    } else {
      message->set(name, value);
    }
  }
  if (!response.content_type.empty()) {
    message->set(bhttp::field::content_type, response.content_type);
  }
  const bool empty = response.status == bhttp::status::no_content ||
                     response.status == bhttp::status::not_modified;
  if (!empty) message->content_length(response.body.size());
  if (request_.method() != bhttp::verb::head && !empty) message->body() = std::move(response.body);
  keep_alive_ = keep_alive_ && body_was_read && !draining_;
  message->keep_alive(keep_alive_);
  stream_.tcp().expires_after(limits_.write);
  bhttp::async_write(
      stream_, *message,
      [self = shared_from_this(), message, body_was_read](beast::error_code error, std::size_t) {
        if (!error && !body_was_read) return self->Linger();
        if (error || !self->keep_alive_) return self->Shut();
        self->ReadHead();
      });
}

}  // namespace trainyard::server

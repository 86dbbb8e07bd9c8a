// One client's connection.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "server/http/gateway.h"
#include "server/http/limits.h"
#include "server/http/stream.h"

namespace trainyard::server {

class HttpConnection;

// Those that there are. Any thread; outlives them.
class HttpConnections {
 public:
  void Add(const std::shared_ptr<HttpConnection>& connection);
  void Remove(HttpConnection* connection);
  std::size_t count();
  // Those that wait for a request end now, the others after their answer.
  void Drain();
  // All end now.
  void CloseAll();

 private:
  std::vector<std::shared_ptr<HttpConnection>> All();

  std::mutex mutex_;
  std::unordered_map<HttpConnection*, std::weak_ptr<HttpConnection>> all_;  // guarded by mutex_
};

// A client, as gRPC would write it.
std::string PeerOf(const boost::asio::ip::tcp::endpoint& client);

// Reads requests one after another and answers each before it reads the next.
// Everything runs on the socket's strand. What is under way holds the connection;
// it ends when nothing is.
class HttpConnection final : public std::enable_shared_from_this<HttpConnection> {
 public:
  HttpConnection(Stream stream, Gateway& gateway, const HttpLimits& limits,
                 HttpConnections& connections, std::shared_ptr<void> slot);
  ~HttpConnection();

  void Run();
  // Any thread.
  void Drain();
  void Close();

  // For what answers in parts; on the strand.
  Stream& stream() { return stream_; }
  Gateway& gateway() { return gateway_; }
  const HttpLimits& limits() const { return limits_; }
  boost::beast::flat_buffer& buffer() { return buffer_; }
  // Whether the client understands chunks: HTTP/1.1.
  bool speaks_chunks() const { return request_.version() >= 11; }
  // The answer's headers that the request decides, as lines.
  std::string CommonHeaders() const;
  // Answers, and then reads the next request; or ends, where the body has not
  // been read.
  void Respond(HttpResponse response, bool body_was_read = true);

 private:
  using HeadParser = boost::beast::http::request_parser<boost::beast::http::empty_body>;
  using BodyParser = boost::beast::http::request_parser<boost::beast::http::string_body>;

  void Handshake();
  void ReadHead();
  void OnHead(boost::beast::error_code error);
  void RefuseHead(boost::beast::error_code error);
  void Serve();
  void Continue(std::function<void()> then);
  void ReadBody();
  void OnBody(boost::beast::error_code error);
  std::uint64_t BodyLimit() const;
  // Of the client; empty where it has gone.
  std::string Peer();
  void StreamAnswer();
  void Linger();
  void Discard();
  void Shut();

  Stream stream_;
  Gateway& gateway_;
  const HttpLimits& limits_;
  HttpConnections& connections_;
  const std::shared_ptr<void> slot_;
  boost::beast::flat_buffer buffer_;
  std::optional<HeadParser> head_;
  std::optional<BodyParser> body_;
  boost::beast::http::request_header<> request_;
  RequestPlan plan_;
  bool keep_alive_ = true;
  bool waiting_ = true;  // for a request
  std::optional<boost::asio::steady_timer> lingering_;
  std::vector<char> discarded_;
  bool draining_ = false;
  bool lost_its_way_ = false;  // came by http to a server that speaks TLS
};

}  // namespace trainyard::server

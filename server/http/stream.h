// A connection's bytes, plain or through TLS, as one type.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <memory>
#include <optional>
#include <utility>

namespace trainyard::server {

// An AsyncStream of Asio's; used on its socket's executor.
class Stream {
 public:
  using tcp_stream = boost::beast::tcp_stream;
  using executor_type = tcp_stream::executor_type;

  // Plain where `context` is null.
  Stream(boost::asio::ip::tcp::socket socket, std::shared_ptr<boost::asio::ssl::context> context)
      : context_(std::move(context)) {
    if (context_ != nullptr) {
      tls_.emplace(tcp_stream(std::move(socket)), *context_);
    } else {
      plain_.emplace(std::move(socket));
    }
  }

  executor_type get_executor() { return tcp().get_executor(); }
  // The socket, with its deadlines.
  tcp_stream& tcp() { return tls_ ? tls_->next_layer() : *plain_; }

  // Whether it is to be read through TLS.
  bool secure() const { return tls_.has_value(); }

  // Of a secure one whose first bytes are `begun`: calls handler(error, how many of
  // them it has used) when others may be read.
  template <typename Buffers, typename Handler>
  void Handshake(const Buffers& begun, Handler handler) {
    tls_->async_handshake(boost::asio::ssl::stream_base::server, begun, std::move(handler));
  }

  // Of a secure one, before its handshake: goes on without TLS.
  void GoOnPlain() {
    plain_.emplace(std::move(tls_->next_layer()));
    tls_.reset();
  }

  template <typename Buffers, typename Handler>
  void async_read_some(const Buffers& buffers, Handler&& handler) {
    if (tls_) {
      tls_->async_read_some(buffers, std::forward<Handler>(handler));
    } else {
      plain_->async_read_some(buffers, std::forward<Handler>(handler));
    }
  }

  template <typename Buffers, typename Handler>
  void async_write_some(const Buffers& buffers, Handler&& handler) {
    if (tls_) {
      tls_->async_write_some(buffers, std::forward<Handler>(handler));
    } else {
      plain_->async_write_some(buffers, std::forward<Handler>(handler));
    }
  }

 private:
  // Kept while it is used: another may have taken its place for new connections.
  const std::shared_ptr<boost::asio::ssl::context> context_;
  std::optional<tcp_stream> plain_;
  std::optional<boost::beast::ssl_stream<tcp_stream>> tls_;
};

}  // namespace trainyard::server

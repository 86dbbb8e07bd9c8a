// The HTTP side of the server: a listener, a few threads, and the gateway.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "server/http/connection.h"
#include "server/http/connection_slots.h"
#include "server/http/gateway.h"
#include "server/http/tls_context.h"

namespace trainyard::server {

struct HttpOptions {
  // HOST:PORT; port 0 picks a free one.
  std::string listen;
  // Plain HTTP where it is null.
  std::shared_ptr<TlsContext> tls;
  HttpLimits limits;
};

// Serves while it lives, on threads whose number does not depend on that of the
// clients.
class HttpServer {
 public:
  // Errors: INVALID_ARGUMENT for an address that is none; UNAVAILABLE where it is
  // taken.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Start(const HttpOptions& options,
                                                           Gateway& gateway);
  ~HttpServer();

  // HOST:PORT that it listens on.
  const std::string& address() const { return address_; }

  // No new connections and requests; what is being answered is answered.
  void Drain();
  // After the gRPC server has ended all calls: waits shortly for the last bytes,
  // then ends the connections and the threads.
  void Stop();

 private:
  HttpServer(const HttpOptions& options, Gateway& gateway);
  absl::Status Listen();
  void Accept();
  void OnAccept(boost::system::error_code error, boost::asio::ip::tcp::socket socket);

  const HttpOptions options_;
  Gateway& gateway_;
  std::string address_;
  HttpConnections connections_;
  ConnectionSlots slots_;
  boost::asio::io_context io_;
  boost::asio::ip::tcp::acceptor acceptor_;
  boost::asio::steady_timer pause_;
  std::vector<std::thread> threads_;
};

}  // namespace trainyard::server

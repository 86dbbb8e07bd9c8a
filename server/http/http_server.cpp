#include "server/http/http_server.h"

#include <sys/resource.h>

#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <chrono>
#include <utility>

#include "core/base/error.h"
#include "core/base/text.h"
#include "server/convert/peer.h"

namespace trainyard::server {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

constexpr int kThreads = 2;
constexpr std::chrono::milliseconds kLastBytes{500};
constexpr std::chrono::milliseconds kAfterRefusal{100};

// Each client costs a file descriptor; what the system allows is asked for.
void RaiseFileLimit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

absl::Status CannotListen(const std::string& listen, std::string_view why) {
  return MakeError(absl::StatusCode::kUnavailable, {"ADDRESS_IN_USE", "--http", {}},
                   StrCat("cannot listen on ", listen, " for HTTP: ", why));
}

}  // namespace

HttpServer::HttpServer(const HttpOptions& options, Gateway& gateway)
    : options_(options),
      gateway_(gateway),
      slots_(options.limits),
      io_(kThreads),
      acceptor_(asio::make_strand(io_)),
      pause_(acceptor_.get_executor()) {}

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(const HttpOptions& options,
                                                              Gateway& gateway) {
  RaiseFileLimit();
  std::unique_ptr<HttpServer> server(new HttpServer(options, gateway));
  if (auto status = server->Listen(); !status.ok()) return status;
  server->Accept();
  for (int i = 0; i < kThreads; ++i) {
    server->threads_.emplace_back([io = &server->io_] { io->run(); });
  }
  return server;
}

HttpServer::~HttpServer() { Stop(); }

absl::Status HttpServer::Listen() {
  const auto colon = options_.listen.rfind(':');
  const std::string named = options_.listen.substr(0, colon);
  std::string host = named;
  if (host.starts_with("[") && host.ends_with("]")) host = host.substr(1, host.size() - 2);
  boost::system::error_code error;
  tcp::resolver resolver(io_);
  const auto found =
      resolver.resolve(host, options_.listen.substr(colon + 1), tcp::resolver::passive, error);
  if (error || found.empty()) return CannotListen(options_.listen, "no such address");
  const tcp::endpoint endpoint = *found.begin();
  acceptor_.open(endpoint.protocol(), error);
  if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor_.bind(endpoint, error);
  if (!error) acceptor_.listen(4096, error);
  if (error) return CannotListen(options_.listen, error.message());
  address_ = StrCat(named, ":", acceptor_.local_endpoint().port());
  return absl::OkStatus();
}

void HttpServer::Accept() {
  acceptor_.async_accept(asio::make_strand(io_),
                         [this](boost::system::error_code error, tcp::socket socket) {
                           OnAccept(error, std::move(socket));
                         });
}

void HttpServer::OnAccept(boost::system::error_code error, tcp::socket socket) {
  if (error == asio::error::operation_aborted || !acceptor_.is_open()) return;
  if (error) {
    // Out of descriptors, most likely: others may be closed meanwhile.
    pause_.expires_after(kAfterRefusal);
    return pause_.async_wait([this](boost::system::error_code stopped) {
      if (!stopped) Accept();
    });
  }
  boost::system::error_code gone;
  const tcp::endpoint from = socket.remote_endpoint(gone);
  auto slot = gone ? nullptr : slots_.Take(AddressOf(PeerOf(from)));
  if (slot != nullptr) {
    boost::system::error_code ignored;
    socket.set_option(tcp::no_delay(true), ignored);
    auto context = options_.tls == nullptr ? nullptr : options_.tls->current();
    auto connection =
        std::make_shared<HttpConnection>(Stream(std::move(socket), std::move(context)), gateway_,
                                         options_.limits, connections_, std::move(slot));
    asio::post(connection->stream().get_executor(), [connection] { connection->Run(); });
  }
  Accept();
}

void HttpServer::Drain() {
  gateway_.Drain();
  asio::post(acceptor_.get_executor(), [this] {
    boost::system::error_code ignored;
    pause_.cancel();
    acceptor_.close(ignored);
  });
  connections_.Drain();
}

void HttpServer::Stop() {
  if (threads_.empty()) return;
  Drain();
  const auto deadline = std::chrono::steady_clock::now() + kLastBytes;
  while (connections_.count() > 0 && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  connections_.CloseAll();
  // Calls that have not ended would react on what is gone.
  while (connections_.count() > 0 && std::chrono::steady_clock::now() < deadline + kLastBytes) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  io_.stop();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

}  // namespace trainyard::server

// The gateway over real sockets, before a gRPC server of the test's own.
#include "server/http/http_server.h"

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/write.hpp>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <memory>
#include <mutex>
#include <thread>

#include "core/base/error.h"
#include "server/convert/peer.h"
#include "tests/support/temp_folder.h"
#include "trainyard/v1/training.grpc.pb.h"

namespace trainyard::server {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using testing::HasSubstr;
using testing::StartsWith;

// Streams large events as fast as they are taken, until nobody takes them.
class Flood final : public v1::TrainingService::Service {
 public:
  grpc::Status WatchTrainingJob(grpc::ServerContext*, const v1::WatchTrainingJobRequest*,
                                grpc::ServerWriter<v1::WatchTrainingJobResponse>* writer) override {
    v1::WatchTrainingJobResponse response;
    response.mutable_event()->mutable_warning()->set_message(std::string(64 << 10, 'x'));
    std::int64_t written = 0;
    do {
      response.mutable_event()->set_sequence(++written);
    } while (writer->Write(response));
    const std::lock_guard lock(mutex_);
    written_ = written;
    ended_.notify_all();
    return grpc::Status::CANCELLED;
  }

  // Who says who calls is heard.
  grpc::Status GetTrainingJob(grpc::ServerContext* context, const v1::GetTrainingJobRequest*,
                              v1::TrainingJob* job) override {
    const auto& metadata = context->client_metadata();
    const auto found = metadata.find("authorization");
    if (found != metadata.end()) job->set_name({found->second.data(), found->second.size()});
    return grpc::Status::OK;
  }

  // How many messages were written to a stream that has ended.
  std::int64_t AwaitEnd() {
    std::unique_lock lock(mutex_);
    ended_.wait(lock, [&] { return written_ > 0; });
    return written_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable ended_;
  std::int64_t written_ = 0;
};

// All that is on the disk of a server with a certificate of its own.
class Certificate {
 public:
  explicit Certificate(const std::filesystem::path& folder)
      : files{folder / "chain.pem", folder / "key.pem"} {
    Make();
  }

  // Writes another one to the same files.
  void Make() {
    EVP_PKEY* key = EVP_EC_gen("P-256");
    X509* certificate = X509_new();
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, key);
    X509_sign(certificate, key, EVP_sha256());
    FILE* file = std::fopen(files.certificate_chain.c_str(), "w");
    PEM_write_X509(file, certificate);
    std::fclose(file);
    file = std::fopen(files.private_key.c_str(), "w");
    PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr);
    std::fclose(file);
    X509_free(certificate);
    EVP_PKEY_free(key);
  }

  const CertificateFiles files;
  long serial = 0;
};

class HttpServerTest : public testing::Test {
 protected:
  void SetUp() override {
    grpc::ServerBuilder builder;
    builder.RegisterService(&flood_);
    grpc_ = builder.BuildAndStart();
  }

  void TearDown() override {
    if (http_ != nullptr) http_->Drain();
    grpc_->Shutdown(std::chrono::system_clock::now());
    if (http_ != nullptr) http_->Stop();
  }

  void Serve(HttpLimits limits, std::shared_ptr<TlsContext> tls = nullptr) {
    OriginOptions origins;
    origins.tls = tls != nullptr;
    gateway_ = std::make_unique<Gateway>(grpc_->InProcessChannel(grpc::ChannelArguments()), origins,
                                         Assets());
    auto started = HttpServer::Start({"127.0.0.1:0", std::move(tls), limits}, *gateway_);
    ASSERT_TRUE(started.ok()) << started.status();
    http_ = *std::move(started);
  }

  tcp::socket Connect() {
    tcp::socket socket(io_);
    const std::string& address = http_->address();
    const auto port =
        static_cast<unsigned short>(std::stoi(address.substr(address.rfind(':') + 1)));
    socket.connect(tcp::endpoint(asio::ip::make_address("127.0.0.1"), port));
    return socket;
  }

  template <typename Socket>
  static void Send(Socket& socket, const std::string& path, const std::string& headers = "") {
    asio::write(socket, asio::buffer("GET " + path + " HTTP/1.1\r\nHost: localhost\r\n" + headers +
                                     "\r\n"));
  }

  // All that comes until the other side closes.
  template <typename Socket>
  static std::string ReadAll(Socket& socket) {
    std::string text;
    boost::system::error_code error;
    asio::read(socket, asio::dynamic_buffer(text), error);
    return text;
  }

  asio::io_context io_;
  Flood flood_;
  std::unique_ptr<grpc::Server> grpc_;
  std::unique_ptr<Gateway> gateway_;
  std::unique_ptr<HttpServer> http_;
};

TEST_F(HttpServerTest, AReaderThatTakesNothingIsDropped) {
  HttpLimits limits;
  limits.write = std::chrono::milliseconds(200);
  Serve(limits);
  tcp::socket socket = Connect();
  Send(socket, "/v1/users/me/jobs/j:watch");
  // The sender waited for the reader: what was under way is bounded by buffers.
  EXPECT_LT(flood_.AwaitEnd(), 2000);
}

TEST_F(HttpServerTest, AReaderThatGoesIsHeardAtOnce) {
  Serve({});
  {
    tcp::socket socket = Connect();
    Send(socket, "/v1/users/me/jobs/j:watch");
    std::string some;
    asio::read(socket, asio::dynamic_buffer(some), asio::transfer_at_least(100));
    EXPECT_THAT(some, StartsWith("HTTP/1.1 200 OK\r\n"));
  }
  EXPECT_GT(flood_.AwaitEnd(), 0);
}

TEST_F(HttpServerTest, WhoSaysNothingIsNotWaitedFor) {
  HttpLimits limits;
  limits.idle = std::chrono::milliseconds(50);
  Serve(limits);
  tcp::socket silent = Connect();
  EXPECT_EQ(ReadAll(silent), "");
  tcp::socket slow = Connect();
  asio::write(slow, asio::buffer(std::string("GET /healthz HTT")));
  EXPECT_EQ(ReadAll(slow), "");
}

TEST_F(HttpServerTest, TooManyConnectionsAreClosed) {
  HttpLimits limits;
  limits.connections = 1;
  Serve(limits);
  tcp::socket first = Connect();
  Send(first, "/healthz");
  std::string some;
  asio::read(first, asio::dynamic_buffer(some), asio::transfer_at_least(10));
  tcp::socket second = Connect();
  EXPECT_EQ(ReadAll(second), "");
}

TEST(ConnectionSlots, AreSharedByAddresses) {
  HttpLimits limits;
  limits.connections = 6;
  limits.connections_of_one = 2;
  ConnectionSlots slots(limits);
  std::vector<std::shared_ptr<void>> held;
  const auto takes = [&](const char* from) {
    auto slot = slots.Take(AddressOf(PeerOf({asio::ip::make_address(from), 5000})));
    if (slot == nullptr) return false;
    held.push_back(std::move(slot));
    return true;
  };
  EXPECT_TRUE(takes("192.0.2.1"));
  EXPECT_TRUE(takes("::ffff:192.0.2.1"));
  EXPECT_FALSE(takes("192.0.2.1"));
  held.pop_back();
  EXPECT_TRUE(takes("192.0.2.1"));
  EXPECT_TRUE(takes("2001:db8::1"));
  EXPECT_TRUE(takes("2001:db8::2:1"));
  EXPECT_FALSE(takes("2001:db8::3"));
  EXPECT_TRUE(takes("127.0.0.1"));
  EXPECT_TRUE(takes("::1"));
  // As many as there may be in all.
  EXPECT_FALSE(takes("127.0.0.1"));
  EXPECT_FALSE(takes("192.0.2.9"));
  held.clear();
  for (int i = 0; i < 6; ++i) EXPECT_TRUE(takes("127.0.0.1"));
}

TEST_F(HttpServerTest, TheTokenIsPassedOn) {
  Serve({});
  tcp::socket header = Connect();
  Send(header, "/v1/users/me/jobs/j", "Authorization: Bearer one\r\nConnection: close\r\n");
  EXPECT_THAT(ReadAll(header), HasSubstr("\"name\":\"Bearer one\""));
  tcp::socket cookie = Connect();
  Send(cookie, "/v1/users/me/jobs/j", "Cookie: trainyard_session=two\r\nConnection: close\r\n");
  EXPECT_THAT(ReadAll(cookie), HasSubstr("\"name\":\"Bearer two\""));
}

TEST_F(HttpServerTest, ATakenPortIsAnError) {
  Serve({});
  const auto second = HttpServer::Start({http_->address(), nullptr, {}}, *gateway_);
  EXPECT_EQ(second.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(GetErrorDetails(second.status()).field, "--http");
}

// What a client over TLS hears, and the serial number of the certificate.
std::pair<std::string, long> OverTls(asio::io_context& io, tcp::socket socket) {
  asio::ssl::context context(asio::ssl::context::tls_client);
  asio::ssl::stream<tcp::socket> stream(std::move(socket), context);
  stream.handshake(asio::ssl::stream_base::client);
  X509* shown = SSL_get1_peer_certificate(stream.native_handle());
  const long serial = ASN1_INTEGER_get(X509_get_serialNumber(shown));
  X509_free(shown);
  asio::write(stream,
              asio::buffer(std::string(
                  "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")));
  std::string text;
  boost::system::error_code error;
  asio::read(stream, asio::dynamic_buffer(text), error);
  io.poll();
  return {text, serial};
}

TEST_F(HttpServerTest, SpeaksTlsWithTheCertificateThatThereIs) {
  const TempFolder folder;
  Certificate certificate(folder.path());
  auto tls = std::make_shared<TlsContext>(certificate.files);
  ASSERT_TRUE(tls->Reload().ok());
  Serve({}, tls);
  auto [answer, serial] = OverTls(io_, Connect());
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_EQ(serial, 1);
  certificate.Make();
  EXPECT_EQ(OverTls(io_, Connect()).second, 1);
  ASSERT_TRUE(tls->Reload().ok());
  EXPECT_EQ(OverTls(io_, Connect()).second, 2);
  // Plain HTTP is none, and says so before the connection is closed.
  tcp::socket plain = Connect();
  Send(plain, "/healthz");
  EXPECT_THAT(ReadAll(plain),
              testing::AllOf(HasSubstr("HTTP/1.1 307"), HasSubstr("Location: https://"),
                             testing::Not(HasSubstr("HTTP/1.1 200"))));
}

TEST(TlsContextTest, FilesThatAreNoneAreAnError) {
  const TempFolder folder;
  TlsContext missing({folder.path() / "no", folder.path() / "no"});
  EXPECT_EQ(missing.Reload().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(missing.current(), nullptr);
  const Certificate certificate(folder.path());
  TlsContext context(certificate.files);
  ASSERT_TRUE(context.Reload().ok());
  const auto before = context.current();
  std::ofstream(certificate.files.private_key) << "no key";
  EXPECT_THAT(context.Reload().message(), HasSubstr("key.pem"));
  EXPECT_EQ(context.current(), before);
}

}  // namespace
}  // namespace trainyard::server

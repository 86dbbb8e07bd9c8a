#include "client/lib/authority.h"

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <array>
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace trainyard::client {
namespace {

using SslContext = std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)>;
using Bio = std::unique_ptr<BIO, decltype(&BIO_free_all)>;

constexpr int kTimeoutSeconds = 5;

std::string FingerprintOf(X509* certificate) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  X509_digest(certificate, EVP_sha256(), digest.data(), &size);
  return absl::BytesToHexString(
      absl::string_view(reinterpret_cast<const char*>(digest.data()), size));
}

std::string PemOf(X509* certificate) {
  const Bio memory(BIO_new(BIO_s_mem()), BIO_free_all);
  PEM_write_bio_X509(memory.get(), certificate);
  char* data = nullptr;
  const long size = BIO_get_mem_data(memory.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

absl::Status NotTheServer(const std::string& address) {
  return absl::PermissionDeniedError(
      absl::StrCat("the server at ", address,
                   " is not the one that the line is for: its certificate is another. Ask for a "
                   "new line, and do not send a token there"));
}

}  // namespace

absl::StatusOr<std::string> FetchAuthority(const std::string& address,
                                           const std::string& fingerprint) {
  const SslContext context(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  // Nothing is trusted yet: the fingerprint decides, below.
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_NONE, nullptr);
  const Bio connection(BIO_new_ssl_connect(context.get()), BIO_free_all);
  SSL* ssl = nullptr;
  BIO_get_ssl(connection.get(), &ssl);
  static constexpr unsigned char kHttp2[] = {2, 'h', '2'};
  SSL_set_alpn_protos(ssl, kHttp2, sizeof(kHttp2));
  // What the macro SSL_set_tlsext_host_name does, without its cast.
  std::string host_name = "trainyard";
  SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, host_name.data());
  BIO_set_conn_hostname(connection.get(), address.c_str());
  if (BIO_do_connect_retry(connection.get(), kTimeoutSeconds, 50) != 1 ||
      BIO_do_handshake(connection.get()) != 1) {
    return absl::UnavailableError(absl::StrCat("no server answers with TLS at ", address));
  }
  STACK_OF(X509)* const shown = SSL_get_peer_cert_chain(ssl);
  if (shown == nullptr || sk_X509_num(shown) == 0) return NotTheServer(address);
  X509* const server = sk_X509_value(shown, 0);
  const std::string wanted = absl::AsciiStrToLower(fingerprint);
  for (int i = 0; i < sk_X509_num(shown); ++i) {
    X509* const authority = sk_X509_value(shown, i);
    if (FingerprintOf(authority) != wanted) continue;
    if (X509_verify(server, X509_get0_pubkey(authority)) != 1) break;
    return PemOf(authority);
  }
  return NotTheServer(address);
}

}  // namespace trainyard::client

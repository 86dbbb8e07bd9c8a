#include "server/http/tls_context.h"

#include <openssl/ssl.h>

#include <utility>

#include "core/base/error.h"
#include "core/base/text.h"

namespace trainyard::server {
namespace {

namespace ssl = boost::asio::ssl;

// Browsers that ask for a protocol by name get the one that we speak.
int SelectHttp11(SSL*, const unsigned char** out, unsigned char* out_length,
                 const unsigned char* in, unsigned int in_length, void*) {
  static constexpr unsigned char kHttp11[] = "\x08http/1.1";
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, out_length, kHttp11, sizeof(kHttp11) - 1, in, in_length) !=
      OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_NOACK;
  }
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

absl::Status Unusable(const std::filesystem::path& file, const boost::system::error_code& error) {
  return MakeError(absl::StatusCode::kFailedPrecondition, {"BAD_CERTIFICATE", "", {}},
                   StrCat("cannot use ", file.string(), " for TLS: ", error.message()));
}

}  // namespace

absl::Status TlsContext::Reload() {
  auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
  boost::system::error_code error;
  context->use_certificate_chain_file(files_.certificate_chain.string(), error);
  if (error) return Unusable(files_.certificate_chain, error);
  context->use_private_key_file(files_.private_key.string(), ssl::context::pem, error);
  if (error) return Unusable(files_.private_key, error);
  SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_2_VERSION);
  SSL_CTX_set_alpn_select_cb(context->native_handle(), SelectHttp11, nullptr);
  const std::lock_guard lock(mutex_);
  context_ = std::move(context);
  return absl::OkStatus();
}

std::shared_ptr<ssl::context> TlsContext::current() const {
  const std::lock_guard lock(mutex_);
  return context_;
}

}  // namespace trainyard::server

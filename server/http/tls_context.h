// The certificate that the gateway shows, from files that may change.
#pragma once

#include <boost/asio/ssl/context.hpp>
#include <filesystem>
#include <memory>
#include <mutex>

#include "absl/status/status.h"

namespace trainyard::server {

// PEM files.
struct CertificateFiles {
  // The server's certificate first, then those that it is signed by.
  std::filesystem::path certificate_chain;
  std::filesystem::path private_key;
};

// TLS 1.2 or later. Any thread.
class TlsContext {
 public:
  explicit TlsContext(CertificateFiles files) : files_(std::move(files)) {}

  // Reads the files; connections to come use what they hold, those that are there
  // keep what they have. Errors: FAILED_PRECONDITION, and then nothing changes.
  absl::Status Reload();

  // Null before the first Reload.
  std::shared_ptr<boost::asio::ssl::context> current() const;

 private:
  const CertificateFiles files_;
  mutable std::mutex mutex_;
  std::shared_ptr<boost::asio::ssl::context> context_;  // guarded by mutex_
};

}  // namespace trainyard::server

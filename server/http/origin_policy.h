// Which pages may use the server from a browser.
#pragma once

#include <boost/beast/http/fields.hpp>
#include <boost/beast/http/verb.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"

namespace trainyard::server {

struct OriginOptions {
  // No login is needed: whoever reaches the server may do everything, so a page
  // that has made a name of its own point to loopback must not.
  bool single_user = true;
  // Whether browsers reach this server by https.
  bool tls = false;
  // HOST that it listens on.
  std::string listen_host;
  // Other origins that may call, as a browser says them: https://example.org.
  std::vector<std::string> allowed;
};

// Immutable; any thread.
class OriginPolicy {
 public:
  using Headers = std::vector<std::pair<std::string, std::string>>;

  explicit OriginPolicy(OriginOptions options);

  // Whether a request may be served. `by_cookie` where a cookie is all that says
  // who calls. Errors: PERMISSION_DENIED.
  absl::Status Check(boost::beast::http::verb verb, const boost::beast::http::fields& fields,
                     bool by_cookie) const;

  // What lets a page of an allowed origin read the answer; nothing for others.
  Headers CorsHeaders(const boost::beast::http::fields& fields) const;
  // The same, in the answer to a preflight; nothing where it is refused.
  std::optional<Headers> Preflight(const boost::beast::http::fields& fields) const;

  // PERMISSION_DENIED for the page that a request comes from.
  static absl::Status Foreign(const boost::beast::http::fields& fields);

 private:
  bool HostIsOurs(std::string_view host) const;
  bool IsAllowed(std::string_view origin) const;
  bool IsOwn(std::string_view origin, std::string_view host) const;

  const OriginOptions options_;
};

}  // namespace trainyard::server

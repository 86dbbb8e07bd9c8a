// A browser's login: its token, in a cookie that no script can read.
#pragma once

#include <boost/beast/http/fields.hpp>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace trainyard::server {

// What says who calls.
struct Credentials {
  // As the metadata `authorization` has it; empty where there is none.
  std::string authorization;
  // It comes from the cookie.
  bool by_cookie = false;
};

// From the header Authorization or, where there is none, the cookie.
Credentials CredentialsOf(const boost::beast::http::fields& fields);

// The token in the body of POST /v1/session. Errors: INVALID_ARGUMENT.
absl::StatusOr<std::string> TokenIn(std::string_view body);

// Values of Set-Cookie that begin and end a session. `secure` under TLS.
std::string SessionCookie(std::string_view token, bool secure);
std::string NoSessionCookie(bool secure);

}  // namespace trainyard::server

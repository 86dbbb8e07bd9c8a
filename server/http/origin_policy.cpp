#include "server/http/origin_policy.h"

#include <algorithm>
#include <string_view>

#include "absl/strings/match.h"
#include "core/base/error.h"
#include "core/base/text.h"
#include "server/http/uri.h"

namespace trainyard::server {
namespace {

using boost::beast::http::field;
using boost::beast::http::fields;
using boost::beast::http::verb;

std::string_view Value(const fields& all, field name) {
  const auto value = all[name];
  return {value.data(), value.size()};
}

std::string_view Value(const fields& all, const char* name) {
  const auto value = all[name];
  return {value.data(), value.size()};
}

bool Changes(verb given) {
  return given != verb::get && given != verb::head && given != verb::options;
}

absl::Status Refused(const char* reason, const std::string& message) {
  return MakeError(absl::StatusCode::kPermissionDenied, {reason, "", {}}, message);
}

}  // namespace

OriginPolicy::OriginPolicy(OriginOptions options) : options_(std::move(options)) {}

bool OriginPolicy::HostIsOurs(std::string_view authority) const {
  const std::string host = HostWithoutPort(authority);
  return host == "localhost" || host == "[::1]" || host == "127.0.0.1" ||
         host == options_.listen_host || host == StrCat("[", options_.listen_host, "]");
}

bool OriginPolicy::IsAllowed(std::string_view origin) const {
  return std::find(options_.allowed.begin(), options_.allowed.end(), origin) !=
         options_.allowed.end();
}

// Behind a proxy that speaks TLS, browsers say https of what we serve as http.
bool OriginPolicy::IsOwn(std::string_view origin, std::string_view host) const {
  const auto scheme_end = origin.find("://");
  if (scheme_end == std::string_view::npos) return false;
  if (options_.tls && origin.substr(0, scheme_end) != "https") return false;
  return absl::EqualsIgnoreCase(AsAbsl(origin.substr(scheme_end + 3)), AsAbsl(host));
}

absl::Status OriginPolicy::Check(verb given, const fields& all, bool by_cookie) const {
  const std::string_view host = Value(all, field::host);
  if (options_.single_user && !HostIsOurs(host)) {
    return Refused("HOST_NOT_ALLOWED",
                   StrCat("this single-user server is not called '", host,
                          "': use localhost, 127.0.0.1 or the address that it listens on"));
  }
  if (!Changes(given)) return absl::OkStatus();
  const std::string_view origin = Value(all, field::origin);
  if (!origin.empty()) {
    if (IsOwn(origin, host) || IsAllowed(origin)) return absl::OkStatus();
    return Foreign(all);
  }
  const std::string_view site = Value(all, "Sec-Fetch-Site");
  if (site.empty() ? !by_cookie : (site == "same-origin" || site == "none")) {
    return absl::OkStatus();
  }
  return Refused("FOREIGN_ORIGIN",
                 "a call that changes something by a cookie says its Origin: send the token in "
                 "the header Authorization instead");
}

absl::Status OriginPolicy::Foreign(const fields& all) {
  return Refused("FOREIGN_ORIGIN", StrCat("a page of '", Value(all, field::origin),
                                          "' may not call here: start the server with "
                                          "--http-allow-origin to let it"));
}

OriginPolicy::Headers OriginPolicy::CorsHeaders(const fields& all) const {
  if (options_.allowed.empty()) return {};
  const std::string_view origin = Value(all, field::origin);
  if (!IsAllowed(origin)) return {{"Vary", "Origin"}};
  return {{"Vary", "Origin"},
          {"Access-Control-Allow-Origin", std::string(origin)},
          {"Access-Control-Expose-Headers", "Retry-After"}};
}

std::optional<OriginPolicy::Headers> OriginPolicy::Preflight(const fields& all) const {
  if (!IsAllowed(Value(all, field::origin))) return std::nullopt;
  Headers headers = CorsHeaders(all);
  headers.emplace_back("Access-Control-Allow-Methods", "GET, POST, PUT, PATCH, DELETE");
  headers.emplace_back("Access-Control-Allow-Headers",
                       "Authorization, Content-Type, Last-Event-ID");
  headers.emplace_back("Access-Control-Max-Age", "600");
  return headers;
}

}  // namespace trainyard::server

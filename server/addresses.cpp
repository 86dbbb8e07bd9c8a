#include "server/addresses.h"

#include <arpa/inet.h>

#include <charconv>
#include <string>

#include "absl/strings/ascii.h"
#include "core/base/error.h"
#include "core/base/text.h"

namespace trainyard::server {
namespace {

constexpr int kMaxPort = 65535;

// An address, and not a name that begins like one: 127.example.org is elsewhere.
bool IsLoopback(const std::string& host) {
  in_addr v4{};
  in6_addr v6{};
  if (::inet_pton(AF_INET, host.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  if (::inet_pton(AF_INET6, host.c_str(), &v6) == 1) return IN6_IS_ADDR_LOOPBACK(&v6);
  return host == "localhost";
}

// What follows http:// or https://; empty where neither is there, or a character is
// that no URL has.
std::string_view AfterScheme(std::string_view url) {
  for (const char character : url) {
    if (!absl::ascii_isgraph(static_cast<unsigned char>(character))) return "";
  }
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (url.starts_with(scheme)) return url.substr(scheme.size());
  }
  return "";
}

}  // namespace

std::string_view HostOf(std::string_view address) {
  std::string_view host = address.substr(0, address.rfind(':'));
  if (host.starts_with("[") && host.ends_with("]")) host = host.substr(1, host.size() - 2);
  return host;
}

std::optional<int> PortOf(std::string_view address) {
  const auto colon = address.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const std::string_view digits = address.substr(colon + 1);
  int port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  if (port < 0 || port > kMaxPort) return std::nullopt;
  return port;
}

absl::Status CheckListen(std::string_view option, const std::string& listen, bool single_user) {
  const std::string_view host = HostOf(listen);
  if (!PortOf(listen) || host.empty()) {
    return FieldError(
        option, "INVALID_ADDRESS",
        StrCat(option, " takes HOST:PORT with a port up to ", kMaxPort, ", not '", listen, "'"));
  }
  if (!single_user || IsLoopback(std::string(host))) return absl::OkStatus();
  return MakeError(
      absl::StatusCode::kFailedPrecondition, {"NOT_LOOPBACK", std::string(option), {}},
      StrCat(option, ": this single-user server listens on loopback only, not on ", host,
             ": use 127.0.0.1:PORT and an SSH tunnel from elsewhere, or make a class "
             "of it with `trainyard-server init`"));
}

absl::Status CheckOrigin(std::string_view option, const std::string& origin) {
  const std::string_view host = AfterScheme(origin);
  if (!host.empty() && host.find_first_of("/?#@") == std::string_view::npos) {
    return absl::OkStatus();
  }
  return FieldError(option, "INVALID_ORIGIN",
                    StrCat(option,
                           " takes an origin such as https://example.org, without a path, "
                           "not '",
                           origin, "'"));
}

absl::Status CheckUrl(std::string_view option, const std::string& url) {
  if (url.empty() || !AfterScheme(url).empty()) return absl::OkStatus();
  return FieldError(
      option, "INVALID_URL",
      StrCat(option, " takes a URL such as https://lab.example.edu, not '", url, "'"));
}

}  // namespace trainyard::server

#include "server/http/session.h"

#include "absl/strings/ascii.h"
#include "core/base/error.h"
#include "core/base/text.h"
#include "server/http/json.h"

namespace trainyard::server {
namespace {

constexpr std::string_view kCookie = "trainyard_session";
constexpr int kThirtyDays = 30 * 24 * 3600;

std::string_view CookieValue(std::string_view cookies) {
  for (std::string_view pair : Split(cookies, ';')) {
    while (pair.starts_with(" ")) pair.remove_prefix(1);
    const auto equals = pair.find('=');
    if (equals != std::string_view::npos && pair.substr(0, equals) == kCookie) {
      return pair.substr(equals + 1);
    }
  }
  return "";
}

// What may be in a cookie without quotes, and in a token.
bool IsToken(std::string_view text) {
  for (const char character : text) {
    const bool word = absl::ascii_isalnum(static_cast<unsigned char>(character));
    if (!word && std::string_view("-._~+/=").find(character) == std::string_view::npos)
      return false;
  }
  return !text.empty() && text.size() <= 1024;
}

std::string Cookie(std::string_view value, int seconds, bool secure) {
  return StrCat(kCookie, "=", value, "; Max-Age=", seconds, "; Path=/; HttpOnly; SameSite=Strict",
                secure ? "; Secure" : "");
}

}  // namespace

Credentials CredentialsOf(const boost::beast::http::fields& fields) {
  const auto header = fields[boost::beast::http::field::authorization];
  if (!header.empty()) return {std::string(header.data(), header.size()), false};
  const auto cookies = fields[boost::beast::http::field::cookie];
  const auto token = CookieValue({cookies.data(), cookies.size()});
  if (!IsToken(token)) return {};
  return {StrCat("Bearer ", token), true};
}

absl::StatusOr<std::string> TokenIn(std::string_view body) {
  const auto json = ParseJson(body);
  if (json.is_object() && json.contains("token") && json["token"].is_string()) {
    auto token = json["token"].get<std::string>();
    if (IsToken(token)) return token;
  }
  return FieldError("token", "BAD_TOKEN",
                    "the body is {\"token\": TOKEN}, with a token as it was given");
}

std::string SessionCookie(std::string_view token, bool secure) {
  return Cookie(token, kThirtyDays, secure);
}

std::string NoSessionCookie(bool secure) { return Cookie("", 0, secure); }

}  // namespace trainyard::server

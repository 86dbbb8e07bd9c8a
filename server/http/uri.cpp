#include "server/http/uri.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "core/base/text.h"

namespace trainyard::server {
namespace {

std::optional<int> HexDigit(char character) {
  if (character >= '0' && character <= '9') return character - '0';
  const char lower = absl::ascii_tolower(static_cast<unsigned char>(character));
  if (lower >= 'a' && lower <= 'f') return lower - 'a' + 10;
  return std::nullopt;
}

bool ParseQuery(std::string_view text, Query& query) {
  if (text.empty()) return true;
  for (const std::string_view pair : Split(text, '&')) {
    if (pair.empty()) continue;
    const auto equals = pair.find('=');
    auto name = PercentDecoded(pair.substr(0, equals), true);
    auto value = equals == std::string_view::npos ? std::optional<std::string>("")
                                                  : PercentDecoded(pair.substr(equals + 1), true);
    if (!name || !value) return false;
    query.emplace_back(*std::move(name), *std::move(value));
  }
  return true;
}

}  // namespace

std::optional<std::string> PercentDecoded(std::string_view text, bool plus_is_space) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char character = text[i];
    if (character == '+' && plus_is_space) character = ' ';
    if (character == '%') {
      if (i + 2 >= text.size()) return std::nullopt;
      const auto high = HexDigit(text[i + 1]);
      const auto low = HexDigit(text[i + 2]);
      if (!high || !low) return std::nullopt;
      character = static_cast<char>(*high * 16 + *low);
      i += 2;
    }
    if (absl::ascii_iscntrl(static_cast<unsigned char>(character))) return std::nullopt;
    decoded.push_back(character);
  }
  return decoded;
}

std::optional<Uri> ParseUri(std::string_view target) {
  if (!target.starts_with("/")) return std::nullopt;
  target = target.substr(0, target.find('#'));
  const auto question = target.find('?');
  Uri uri{std::string(target.substr(0, question)), {}};
  const auto query = question == std::string_view::npos ? "" : target.substr(question + 1);
  if (!ParseQuery(query, uri.query)) return std::nullopt;
  return uri;
}

std::optional<std::string> Find(const Query& query, std::string_view name) {
  const auto found = std::find_if(query.begin(), query.end(),
                                  [&](const auto& pair) { return pair.first == name; });
  if (found == query.end()) return std::nullopt;
  return found->second;
}

void Replace(Query& query, std::string_view name, std::string_view value) {
  std::erase_if(query, [&](const auto& pair) { return pair.first == name; });
  query.emplace_back(name, value);
}

std::string HostWithoutPort(std::string_view authority) {
  std::string_view host = authority;
  if (host.starts_with("[")) {
    host = host.substr(0, host.find(']') + 1);
  } else {
    host = host.substr(0, host.find(':'));
  }
  return absl::AsciiStrToLower(AsAbsl(host));
}

}  // namespace trainyard::server

#include "server/auth/secret.h"

#include <sys/random.h>

#include <array>
#include <cctype>
#include <cstdlib>
#include <vector>

#include "core/base/file.h"
#include "core/base/text.h"

namespace trainyard::server {
namespace {

constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz234567";
constexpr std::string_view kPrefix = "tyt";
constexpr std::size_t kIdLength = 12;
// 52 letters of 5 bits hold 32 bytes.
constexpr std::size_t kSecretLength = 52;
constexpr std::size_t kCheckLength = 6;

std::string RandomLetters(std::size_t length) {
  std::array<unsigned char, 64> bytes{};
  // Cannot fail for so few bytes once the system has started.
  if (::getrandom(bytes.data(), length, 0) != static_cast<ssize_t>(length)) std::abort();
  std::string text;
  for (std::size_t i = 0; i < length; ++i) text += kLetters[bytes[i] & 31];
  return text;
}

std::string CheckOf(std::string_view text) { return HashSecret(text).substr(0, kCheckLength); }

}  // namespace

NewSecret MakeToken() {
  // An id begins with a letter.
  std::string id = StrCat("t", RandomLetters(kIdLength - 1));
  std::string text = StrCat(kPrefix, "_", id, "_", RandomLetters(kSecretLength));
  text += StrCat("_", CheckOf(text));
  return {std::move(id), std::move(text)};
}

std::optional<std::string> TokenId(std::string_view text) {
  const std::vector<std::string_view> parts = Split(text, '_');
  if (parts.size() != 4 || parts[0] != kPrefix || parts[1].size() != kIdLength ||
      parts[2].size() != kSecretLength || parts[3] != CheckOf(text.substr(0, text.rfind('_')))) {
    return std::nullopt;
  }
  return std::string(parts[1]);
}

std::string MakeCode() {
  return StrCat(RandomLetters(4), "-", RandomLetters(4), "-", RandomLetters(4));
}

std::string NormalizeCode(std::string_view typed) {
  std::string letters;
  for (const char c : typed) {
    if (c == '-' || c == ' ') continue;
    letters += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  if (letters.size() != 12) return letters;
  return StrCat(letters.substr(0, 4), "-", letters.substr(4, 4), "-", letters.substr(8));
}

std::string HashSecret(std::string_view text) {
  Sha256 hash;
  hash.Update(text);
  return hash.HexDigest();
}

bool EqualHashes(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  unsigned difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference |= static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b[i]);
  }
  return difference == 0;
}

}  // namespace trainyard::server

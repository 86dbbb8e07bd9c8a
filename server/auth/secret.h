// Secrets that stand for somebody: tokens, and the codes of invitations.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace trainyard::server {

// A new token: tyt_ID_SECRET_CHECK, where ID is public and names the token,
// SECRET is 32 random bytes, and CHECK tells a mistyped token from a wrong one.
// All in lower-case letters and digits.
struct NewSecret {
  std::string id;
  std::string text;
};
NewSecret MakeToken();

// The id of a token's text, where its check is right.
std::optional<std::string> TokenId(std::string_view text);

// A new code, as people read it aloud: xxxx-xxxx-xxxx, 60 random bits.
std::string MakeCode();
// A code as people type it: in any case, with or without hyphens and blanks.
std::string NormalizeCode(std::string_view typed);

// What is stored instead of a secret: its SHA-256, in hexadecimal. 60 bits and
// more are not guessed from it.
std::string HashSecret(std::string_view text);

// Whether two hashes are equal, in a time that does not tell where they differ.
bool EqualHashes(std::string_view a, std::string_view b);

}  // namespace trainyard::server

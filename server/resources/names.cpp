#include "server/resources/names.h"

#include <sys/random.h>

#include <array>
#include <cstdlib>
#include <vector>

#include "core/base/error.h"
#include "core/base/text.h"

namespace trainyard::server {
namespace {

bool IsLower(char c) { return c >= 'a' && c <= 'z'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

bool IsId(std::string_view id) {
  if (id.empty() || id.size() > 63 || !IsLower(id.front()) || id.back() == '-') return false;
  for (const char c : id) {
    if (!IsLower(c) && !IsDigit(c) && c != '-') return false;
  }
  return true;
}

absl::Status BadName(std::string_view field, std::string_view pattern, std::string_view name) {
  if (name.empty()) {
    return FieldError(field, "REQUIRED", StrCat(field, " is required: ", pattern));
  }
  return FieldError(field, "INVALID_NAME",
                    StrCat("'", name, "' is not a name of the form ", pattern));
}

// users/{user} where "me" is the caller; NOT_FOUND, of `name`, out of reach.
absl::StatusOr<std::string> UserOf(const Caller& caller, std::string_view user_id,
                                   std::string_view name) {
  if (user_id == "me") return caller.user;
  std::string user = StrCat("users/", user_id);
  if (user == caller.user) return user;
  if (caller.reach == Reach::kClass && IsId(user_id)) return user;
  return NotFound(name);
}

std::string RandomText(std::size_t length) {
  std::array<unsigned char, 64> bytes{};
  // Cannot fail for so few bytes once the system has started.
  if (::getrandom(bytes.data(), length, 0) != static_cast<ssize_t>(length)) std::abort();
  std::string text;
  for (std::size_t i = 0; i < length; ++i) {
    text += "abcdefghijklmnopqrstuvwxyz234567"[bytes[i] & 31];
  }
  return text;
}

}  // namespace

absl::Status NotFound(std::string_view name) {
  return MakeError(absl::StatusCode::kNotFound,
                   {"NOT_FOUND", "", {{"resource", std::string(name)}}},
                   StrCat(name, " does not exist"));
}

std::string_view OwnerOf(std::string_view name) {
  return name.substr(0, name.find('/', std::string_view("users/").size()));
}

absl::Status CheckId(std::string_view field, std::string_view id) {
  if (IsId(id)) return absl::OkStatus();
  if (id.empty()) return FieldError(field, "REQUIRED", StrCat(field, " is required"));
  return FieldError(field, "INVALID_ID",
                    StrCat("'", id,
                           "' is not an id: lower-case letters, digits and hyphens, "
                           "beginning with a letter, not ending with a hyphen, at most 63"));
}

absl::StatusOr<std::string> ResolveUser(const Caller& caller, std::string_view field,
                                        std::string_view parent) {
  const std::vector<std::string_view> parts = Split(parent, '/');
  if (parts.size() != 2 || parts[0] != "users" || parts[1].empty()) {
    return BadName(field, "users/{user}", parent);
  }
  return UserOf(caller, parts[1], parent);
}

absl::StatusOr<std::string> ResolveList(const Caller& caller, std::string_view field,
                                        std::string_view parent) {
  if (parent == kEverybody) return std::string(parent);
  return ResolveUser(caller, field, parent);
}

absl::StatusOr<std::string> ResolveName(const Caller& caller, std::string_view field,
                                        std::string_view collection, std::string_view name) {
  const std::vector<std::string_view> parts = Split(name, '/');
  if (parts.size() != 4 || parts[0] != "users" || parts[2] != collection || !IsId(parts[3])) {
    return BadName(field, StrCat("users/{user}/", collection, "/{id}"), name);
  }
  auto user = UserOf(caller, parts[1], name);
  if (!user.ok()) return user.status();
  return StrCat(*user, "/", collection, "/", parts[3]);
}

absl::StatusOr<std::string> ResolveEvaluation(const Caller& caller, std::string_view field,
                                              std::string_view name) {
  const std::vector<std::string_view> parts = Split(name, '/');
  if (parts.size() != 6 || parts[0] != "users" || parts[2] != "jobs" || !IsId(parts[3]) ||
      parts[4] != "evaluations" || !IsId(parts[5])) {
    return BadName(field, "users/{user}/jobs/{job}/evaluations/{evaluation}", name);
  }
  auto user = UserOf(caller, parts[1], name);
  if (!user.ok()) return user.status();
  return StrCat(*user, "/jobs/", parts[3], "/evaluations/", parts[5]);
}

std::string NewUid() { return RandomText(26); }

std::string NewId(std::string_view prefix) { return StrCat(prefix, "-", RandomText(6)); }

}  // namespace trainyard::server

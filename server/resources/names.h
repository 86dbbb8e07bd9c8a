// Resource names, their ids, and who calls.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "trainyard/v1/admin.pb.h"

namespace trainyard::server {

// Whose resources a method reaches for.
enum class Reach {
  // The caller's; those of others are not there.
  kOwn,
  // Those of everybody in the class; the method sees to what may be shown.
  kClass,
};

// Who makes a call, and as far as the policy lets this one reach.
struct Caller {
  // users/{user}
  std::string user;
  v1::Role role = v1::ADMIN;
  Reach reach = Reach::kOwn;
  // users/{user}/tokens/{token}; empty on a single-user server.
  std::string token = {};
  // Set when the token is revoked, for what outlives the call's beginning.
  std::shared_ptr<const std::atomic<bool>> revoked = {};

  bool staff() const { return role == v1::INSTRUCTOR || role == v1::ADMIN; }
};

// ^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$, else INVALID_ARGUMENT naming `field`.
absl::Status CheckId(std::string_view field, std::string_view id);

// users/{user} of a parent as the caller wrote it: users/me, or their own name.
// Out of the caller's reach is NOT_FOUND.
absl::StatusOr<std::string> ResolveUser(const Caller& caller, std::string_view field,
                                        std::string_view parent);

// The same for a list, which may be of users/-: the whole class.
absl::StatusOr<std::string> ResolveList(const Caller& caller, std::string_view field,
                                        std::string_view parent);
inline constexpr std::string_view kEverybody = "users/-";

// users/{user} of a resource's full name.
std::string_view OwnerOf(std::string_view name);

// What is said of a resource that is not there, or not for the caller to know of.
absl::Status NotFound(std::string_view name);

// users/{user}/{collection}/{id} of a name as the caller wrote it.
absl::StatusOr<std::string> ResolveName(const Caller& caller, std::string_view field,
                                        std::string_view collection, std::string_view name);

// users/{user}/jobs/{job}/evaluations/{evaluation}.
absl::StatusOr<std::string> ResolveEvaluation(const Caller& caller, std::string_view field,
                                              std::string_view name);

// A new identifier that nobody can guess, of 26 lower-case letters and digits.
std::string NewUid();

// An id for a resource whose user chose none: `prefix`-xxxxxx.
std::string NewId(std::string_view prefix);

}  // namespace trainyard::server

// Resource names, their ids, and who calls.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "trainyard/v1/admin.pb.h"

namespace trainyard::server {

// Who makes a call.
struct Caller {
  // users/{user}
  std::string user;
  v1::Role role = v1::ADMIN;
};

// ^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$, else INVALID_ARGUMENT naming `field`.
absl::Status CheckId(std::string_view field, std::string_view id);

// users/{user} of a parent as the caller wrote it: users/me, or their own name.
// Another user's is NOT_FOUND.
absl::StatusOr<std::string> ResolveUser(const Caller& caller, std::string_view field,
                                        std::string_view parent);

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

// Makes a class of a directory: its authority, its server's certificate, and its
// first administrator.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/store/layout.h"

namespace trainyard::server {

struct InitOptions {
  // Names and addresses by which the server is reached; those of this machine
  // where there are none.
  std::vector<std::string> names;
  // Id of the administrator; empty is "local" where the directory has that user's
  // datasets and jobs, which then are theirs, and else "admin".
  std::string admin;
};

struct Initialized {
  // users/{user}
  std::string admin;
  // The secret: shown once, stored nowhere.
  std::string token;
  // SHA-256 of the authority's certificate.
  std::string fingerprint;
  std::vector<std::string> names;
};

// Errors: FAILED_PRECONDITION where a server runs or the directory is a class's
// already.
absl::StatusOr<Initialized> InitDirectory(const Layout& layout, const InitOptions& options);

// Another token for an administrator of a class, the only one where `admin` is empty; the
// names are left out. Errors: FAILED_PRECONDITION where a server runs, there is no class, or
// there are several and none is named; NOT_FOUND.
absl::StatusOr<Initialized> NewAdministratorToken(const Layout& layout, const std::string& admin);

// Gives the server another certificate by the same authority; one that runs takes
// it within seconds. Returns the names in it.
absl::StatusOr<std::vector<std::string>> RenewCertificate(const Layout& layout,
                                                          std::vector<std::string> names);

}  // namespace trainyard::server

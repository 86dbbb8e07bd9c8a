// The certificate that a class is joined by.
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace trainyard::client {

// Connects to a server and returns, in PEM, the certificate among those it shows
// whose SHA-256 is `fingerprint` (hexadecimal), once it is seen to have signed the
// server's own. Errors: UNAVAILABLE where no server answers with TLS;
// PERMISSION_DENIED where its certificates are others: somebody may be in between.
absl::StatusOr<std::string> FetchAuthority(const std::string& address,
                                           const std::string& fingerprint);

}  // namespace trainyard::client

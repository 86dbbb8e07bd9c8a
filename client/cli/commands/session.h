// What joining, logging in and out have in common.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "client/cli/context.h"
#include "client/lib/endpoint.h"

namespace trainyard::client {

// The authority that an address shows under a fingerprint; without a fingerprint
// the machine's own authorities, and for loopback none: plaintext.
absl::StatusOr<std::string> FindAuthority(const std::string& address,
                                          const std::string& fingerprint);

// Asks the server who the token is, stores it and makes this server the one that
// commands call. Prints whom it is. Returns the exit code.
int SignIn(Context& context, const Endpoint& endpoint);

}  // namespace trainyard::client

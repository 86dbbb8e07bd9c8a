// Addresses that are given as options.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace trainyard::server {

// HOST of HOST:PORT, without the brackets of an IPv6 address.
std::string_view HostOf(std::string_view address);
// Nothing where it is no port.
std::optional<int> PortOf(std::string_view address);

// HOST:PORT to listen on; for a single user on loopback only. Errors:
// INVALID_ARGUMENT, FAILED_PRECONDITION.
absl::Status CheckListen(std::string_view option, const std::string& listen, bool single_user);
// SCHEME://HOST[:PORT] with http or https, and nothing else, as browsers write it.
absl::Status CheckOrigin(std::string_view option, const std::string& origin);
// The same, perhaps with a path. Empty is none.
absl::Status CheckUrl(std::string_view option, const std::string& url);

}  // namespace trainyard::server

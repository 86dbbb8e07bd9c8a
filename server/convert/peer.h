// Where a call comes from.
#pragma once

#include <string>
#include <string_view>

namespace trainyard::server {

// What the HTTP gateway, which calls from within the process, says of whom it calls for:
// metadata whose value is as gRPC writes peers: ipv4:192.0.2.1:5000.
inline constexpr std::string_view kPeerMetadata = "trainyard-peer";

// Where a call comes from, of what gRPC says of its peer (ipv4:192.0.2.1:5000); of IPv6
// the network, whose addresses are as one. Empty for this machine: what is in front of
// the server there, such as nginx, has bounds of its own.
std::string AddressOf(std::string_view peer);

}  // namespace trainyard::server

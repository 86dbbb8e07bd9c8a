// What the HTTP gateway, which calls from within the process, says of whom it calls for.
#pragma once

#include <string_view>

namespace trainyard::server {

// Metadata whose value is as gRPC writes peers: ipv4:192.0.2.1:5000.
inline constexpr std::string_view kPeerMetadata = "trainyard-peer";

}  // namespace trainyard::server

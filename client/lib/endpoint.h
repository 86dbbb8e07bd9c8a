// Where a server is, and how it knows us and we know it.
#pragma once

#include <string>

namespace trainyard::client {

struct Endpoint {
  // HOST:PORT.
  std::string address;
  // Sent with every call; none where it is empty.
  std::string token;
  // The certificate, PEM, of the authority that the server's must be signed by:
  // pinned when the class was joined. "system" takes those of this machine, and
  // empty is plaintext.
  std::string authority;

  bool tls() const { return !authority.empty(); }
};

inline constexpr char kSystemAuthorities[] = "system";

}  // namespace trainyard::client

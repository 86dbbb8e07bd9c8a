// What this user's machine remembers of the servers it has joined.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/lib/endpoint.h"

namespace trainyard::client {

// The file login.json, readable by its owner alone:
//   {"current": "HOST:PORT",
//    "servers": {"HOST:PORT": {"token": ..., "authority": PEM, "user": ...}}}
struct Logins {
  struct Server {
    std::string token;
    // As Endpoint.authority.
    std::string authority;
    // users/{user}
    std::string user;
  };
  // The one that commands call which name none; may be empty.
  std::string current;
  std::map<std::string, Server> servers;
};

// TRAINYARD_CONFIG_DIR, else trainyard below XDG_CONFIG_HOME, else below ~/.config.
std::filesystem::path LoginFile();

// None where there is no file. Errors: INVALID_ARGUMENT for one that cannot be
// read, or that others may read.
absl::StatusOr<Logins> ReadLogins(const std::filesystem::path& file = LoginFile());
// Replaces the file at once, with mode 0600.
absl::Status WriteLogins(const Logins& logins, const std::filesystem::path& file = LoginFile());

// The server that `address` names, or the current one where it is empty, or
// 127.0.0.1:7700; with TRAINYARD_TOKEN, or what was stored when it was joined.
// Errors: FAILED_PRECONDITION for a server on another machine that was not
// joined: plaintext is for loopback only.
absl::StatusOr<Endpoint> FindEndpoint(const std::string& address);

// Whether HOST of HOST:PORT is this machine's own.
bool IsLoopback(const std::string& address);

}  // namespace trainyard::client

#include "client/lib/login.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <system_error>

#include "absl/strings/str_cat.h"

namespace trainyard::client {
namespace {

constexpr char kDefaultServer[] = "127.0.0.1:7700";

std::string Environment(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

absl::Status Unusable(const std::filesystem::path& file, const std::string& why) {
  return absl::InvalidArgumentError(absl::StrCat(file.string(), " ", why));
}

absl::Status WriteAll(int descriptor, const std::string& text) {
  std::size_t written = 0;
  while (written < text.size()) {
    const ssize_t count = ::write(descriptor, text.data() + written, text.size() - written);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return absl::ErrnoToStatus(errno, "cannot write the login file");
    written += static_cast<std::size_t>(count);
  }
  if (::fsync(descriptor) != 0) return absl::ErrnoToStatus(errno, "cannot write the login file");
  return absl::OkStatus();
}

}  // namespace

std::filesystem::path LoginFile() {
  if (const std::string folder = Environment("TRAINYARD_CONFIG_DIR"); !folder.empty()) {
    return std::filesystem::path(folder) / "login.json";
  }
  if (const std::string folder = Environment("XDG_CONFIG_HOME"); !folder.empty()) {
    return std::filesystem::path(folder) / "trainyard" / "login.json";
  }
  return std::filesystem::path(Environment("HOME")) / ".config" / "trainyard" / "login.json";
}

absl::StatusOr<Logins> ReadLogins(const std::filesystem::path& file) {
  struct stat status {};
  if (::stat(file.c_str(), &status) != 0) return Logins();
  if ((status.st_mode & 077) != 0) {
    return Unusable(file,
                    absl::StrCat("holds tokens and others may read it; chmod 600 ", file.string()));
  }
  std::ifstream stream(file);
  const auto json = nlohmann::json::parse(stream, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return Unusable(file, "is not a login file; remove it and join again");
  Logins logins;
  logins.current = json.value("current", "");
  const auto servers = json.find("servers");
  if (servers == json.end() || !servers->is_object()) return logins;
  for (const auto& [address, entry] : servers->items()) {
    if (!entry.is_object()) return Unusable(file, "is not a login file; remove it and join again");
    logins.servers[address] = {entry.value("token", ""), entry.value("authority", ""),
                               entry.value("user", "")};
  }
  return logins;
}

absl::Status WriteLogins(const Logins& logins, const std::filesystem::path& file) {
  nlohmann::json json = {{"current", logins.current}, {"servers", nlohmann::json::object()}};
  for (const auto& [address, server] : logins.servers) {
    json["servers"][address] = {
        {"token", server.token}, {"authority", server.authority}, {"user", server.user}};
  }
  std::error_code error;
  std::filesystem::create_directories(file.parent_path(), error);
  const std::string fresh = absl::StrCat(file.string(), ".", ::getpid());
  const int descriptor = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (descriptor < 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot write ", fresh));
  const absl::Status written = WriteAll(descriptor, json.dump(2) + "\n");
  ::close(descriptor);
  if (!written.ok()) return written;
  std::filesystem::rename(fresh, file, error);
  if (error)
    return absl::ErrnoToStatus(error.value(), absl::StrCat("cannot write ", file.string()));
  return absl::OkStatus();
}

bool IsLoopback(const std::string& address) {
  std::string host = address.substr(0, address.rfind(':'));
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  in_addr v4{};
  in6_addr v6{};
  // An address, and not a name that begins like one: 127.example.org is elsewhere.
  if (::inet_pton(AF_INET, host.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  if (::inet_pton(AF_INET6, host.c_str(), &v6) == 1) return IN6_IS_ADDR_LOOPBACK(&v6);
  return host == "localhost";
}

absl::StatusOr<Endpoint> FindEndpoint(const std::string& address) {
  auto logins = ReadLogins();
  if (!logins.ok()) return logins.status();
  Endpoint endpoint;
  endpoint.address = !address.empty()           ? address
                     : !logins->current.empty() ? logins->current
                                                : kDefaultServer;
  const auto known = logins->servers.find(endpoint.address);
  if (known != logins->servers.end()) {
    endpoint.token = known->second.token;
    endpoint.authority = known->second.authority;
  }
  if (const std::string token = Environment("TRAINYARD_TOKEN"); !token.empty()) {
    endpoint.token = token;
  }
  if (endpoint.tls() || IsLoopback(endpoint.address)) return endpoint;
  return absl::FailedPreconditionError(
      absl::StrCat("this machine has not joined ", endpoint.address,
                   ": run `trainyard join` with the line that your instructor gave you, or "
                   "`trainyard login`"));
}

}  // namespace trainyard::client

#include "server/convert/peer.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>

#include "absl/strings/escaping.h"
#include "absl/strings/str_replace.h"

namespace trainyard::server {
namespace {

std::string OfV4(const std::uint8_t* bytes) {
  if (bytes[0] == 127) return "";
  std::array<char, INET_ADDRSTRLEN> text{};
  ::inet_ntop(AF_INET, bytes, text.data(), text.size());
  return text.data();
}

}  // namespace

std::string AddressOf(std::string_view peer) {
  const std::string plain =
      absl::StrReplaceAll({peer.data(), peer.size()}, {{"%5B", "["}, {"%5D", "]"}, {"%25", "%"}});
  const std::size_t scheme = plain.find(':');
  const std::size_t port = plain.rfind(':');
  if (scheme == std::string::npos || port == scheme) return plain;
  std::string host = plain.substr(scheme + 1, port - scheme - 1);
  std::array<std::uint8_t, 16> bytes{};
  if (::inet_pton(AF_INET, host.c_str(), bytes.data()) == 1) return OfV4(bytes.data());
  host.erase(std::remove_if(host.begin(), host.end(), [](char c) { return c == '[' || c == ']'; }),
             host.end());
  host = host.substr(0, host.find('%'));
  if (::inet_pton(AF_INET6, host.c_str(), bytes.data()) != 1) return plain;
  constexpr std::array<std::uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (std::equal(kMapped.begin(), kMapped.end(), bytes.begin())) return OfV4(bytes.data() + 12);
  const bool loopback =
      bytes.back() == 1 && std::all_of(bytes.begin(), std::prev(bytes.end()),
                                       [](std::uint8_t byte) { return byte == 0; });
  if (loopback) return "";
  return absl::BytesToHexString({reinterpret_cast<const char*>(bytes.data()), 8});
}

}  // namespace trainyard::server

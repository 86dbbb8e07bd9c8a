#include "server/auth/guess_limits.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>

#include "absl/strings/escaping.h"
#include "absl/strings/str_replace.h"
#include "core/base/error.h"
#include "core/base/text.h"

namespace trainyard::server {
namespace {

// Those who come from more addresses share one.
constexpr std::size_t kMostAddresses = 10'000;

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

void GuessLimits::Forget(double now) {
  std::erase_if(buckets_, [&](const auto& entry) {
    return entry.second.tries + kPerSecond * (now - entry.second.time) >= kAtOnce;
  });
}

absl::Status GuessLimits::Take(const std::string& address, double now) {
  if (address.empty()) return absl::OkStatus();
  const std::lock_guard lock(mutex_);
  if (buckets_.size() >= kMostAddresses) Forget(now);
  const bool room = buckets_.size() < kMostAddresses || buckets_.contains(address);
  Bucket& bucket =
      buckets_.try_emplace(room ? address : "many", Bucket{kAtOnce, now}).first->second;
  bucket.tries = std::min(kAtOnce, bucket.tries + kPerSecond * std::max(0.0, now - bucket.time));
  bucket.time = now;
  if (bucket.tries >= 1) {
    bucket.tries -= 1;
    return absl::OkStatus();
  }
  const double wait = (1 - bucket.tries) / kPerSecond;
  return MakeError(absl::StatusCode::kResourceExhausted,
                   {"TOO_MANY_GUESSES", "code", {{"retry_seconds", StrCat(wait)}}},
                   StrCat("too many wrong codes have come from ", address, "; try again in ", wait,
                          " s, with the line as it was given"));
}

void GuessLimits::GiveBack(const std::string& address) {
  const std::lock_guard lock(mutex_);
  const auto found = buckets_.find(address);
  if (found != buckets_.end()) found->second.tries = std::min(kAtOnce, found->second.tries + 1);
}

}  // namespace trainyard::server

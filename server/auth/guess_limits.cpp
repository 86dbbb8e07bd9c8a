#include "server/auth/guess_limits.h"

#include <algorithm>

#include "core/base/error.h"
#include "core/base/text.h"

namespace trainyard::server {
namespace {

// Those who come from more addresses share one.
constexpr std::size_t kMostAddresses = 10'000;

}  // namespace

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

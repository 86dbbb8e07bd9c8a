#include "server/auth/usage_limits.h"

#include <algorithm>

#include "core/base/text.h"
#include "server/resources/quota.h"

namespace trainyard::server {
namespace {

constexpr double kBurstSeconds = 4;

}  // namespace

absl::Status UsageLimits::TakeCall(const std::string& user, const v1::Quota& quota, double now) {
  if (!quota.has_calls_per_second()) return absl::OkStatus();
  const double rate = quota.calls_per_second();
  const double full = std::max(1.0, rate * kBurstSeconds);
  const std::lock_guard lock(mutex_);
  auto [entry, fresh] = buckets_.try_emplace(user, Bucket{full, now});
  Bucket& bucket = entry->second;
  bucket.calls = std::min(full, bucket.calls + rate * std::max(0.0, now - bucket.time));
  bucket.time = now;
  if (bucket.calls >= 1) {
    bucket.calls -= 1;
    return absl::OkStatus();
  }
  const double wait = rate > 0 ? (1 - bucket.calls) / rate : 60;
  return OverQuota(user, "calls_per_second",
                   StrCat(user, " makes more than ", rate, " calls a second; try again in ", wait,
                          " s, and watch instead of asking again and again"),
                   wait);
}

absl::StatusOr<std::shared_ptr<void>> UsageLimits::OpenStream(const std::string& user,
                                                              const v1::Quota& quota) {
  const std::lock_guard lock(streams_->mutex);
  int& open = streams_->open[user];
  if (quota.has_streams() && open >= quota.streams()) {
    return OverQuota(user, "streams",
                     StrCat(user, " has ", open,
                            " streams open, as many as are allowed; close one, "
                            "or watch all jobs in one stream"),
                     5);
  }
  ++open;
  return std::shared_ptr<void>(nullptr, [streams = streams_, user](void*) {
    const std::lock_guard end(streams->mutex);
    if (--streams->open[user] <= 0) streams->open.erase(user);
  });
}

int UsageLimits::StreamsOf(const std::string& user) const {
  const std::lock_guard lock(streams_->mutex);
  const auto found = streams_->open.find(user);
  return found == streams_->open.end() ? 0 : found->second;
}

}  // namespace trainyard::server

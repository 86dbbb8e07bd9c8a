#include "server/auth/usage_limits.h"

#include <algorithm>

#include "core/base/error.h"
#include "core/base/text.h"
#include "server/resources/quota.h"

namespace trainyard::server {
namespace {

constexpr double kBurstSeconds = 4;
constexpr int kRetryTransfer = 5;

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

std::shared_ptr<void> UsageLimits::Hold(const std::shared_ptr<Open>& open,
                                        const std::string& user) {
  ++open->by_user[user];
  ++open->all;
  return std::shared_ptr<void>(nullptr, [open, user](void*) {
    const std::lock_guard end(open->mutex);
    --open->all;
    if (--open->by_user[user] <= 0) open->by_user.erase(user);
  });
}

absl::StatusOr<std::shared_ptr<void>> UsageLimits::OpenStream(const std::string& user,
                                                              const v1::Quota& quota) {
  const std::lock_guard lock(streams_->mutex);
  const auto found = streams_->by_user.find(user);
  const int open = found == streams_->by_user.end() ? 0 : found->second;
  if (quota.has_streams() && open >= quota.streams()) {
    return OverQuota(user, "streams",
                     StrCat(user, " has ", open,
                            " streams open, as many as are allowed; close one, "
                            "or watch all jobs in one stream"),
                     5);
  }
  return Hold(streams_, user);
}

int UsageLimits::StreamsOf(const std::string& user) const {
  const std::lock_guard lock(streams_->mutex);
  const auto found = streams_->by_user.find(user);
  return found == streams_->by_user.end() ? 0 : found->second;
}

absl::StatusOr<std::shared_ptr<void>> UsageLimits::OpenTransfer(const std::string& user) {
  const std::lock_guard lock(transfers_->mutex);
  const auto found = transfers_->by_user.find(user);
  if (found != transfers_->by_user.end() && found->second >= kTransfersOfUser) {
    return OverQuota(user, "transfers",
                     StrCat(user, " has ", found->second,
                            " uploads, downloads and predictions under way, as many as are "
                            "allowed at once; let one of them end"),
                     kRetryTransfer);
  }
  if (transfers_->all < kTransfers) return Hold(transfers_, user);
  return MakeError(
      absl::StatusCode::kResourceExhausted,
      {"SERVER_BUSY", "", {{"retry_seconds", StrCat(kRetryTransfer)}}},
      StrCat("the server has ", kTransfers, " uploads, downloads and predictions under way; try ",
             "again in ", kRetryTransfer, " s"));
}

}  // namespace trainyard::server

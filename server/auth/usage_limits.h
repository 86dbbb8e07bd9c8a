// How often users call and how many streams they have open, against their quota; and
// how many transfers, against what the server has.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "absl/status/statusor.h"
#include "trainyard/v1/admin.pb.h"

namespace trainyard::server {

// Transfers at once: of all, which leaves threads for other calls, and of one user.
inline constexpr int kServerThreads = 256;
inline constexpr int kTransfers = 192;
inline constexpr int kTransfersOfUser = 16;
static_assert(kTransfers < kServerThreads);

// Counts in memory, and forgets with the server. Any thread.
class UsageLimits {
 public:
  // Takes one call of a token bucket that is filled calls_per_second times a
  // second and holds four seconds' worth. `now` in seconds, of any clock that
  // does not go back.
  absl::Status TakeCall(const std::string& user, const v1::Quota& quota, double now);

  // A stream that counts until it is destroyed.
  absl::StatusOr<std::shared_ptr<void>> OpenStream(const std::string& user, const v1::Quota& quota);

  int StreamsOf(const std::string& user) const;

  // An upload, a download or a prediction, which holds one of the server's threads
  // until it is destroyed. However slow those of some users are, others' calls find one.
  absl::StatusOr<std::shared_ptr<void>> OpenTransfer(const std::string& user);

 private:
  struct Bucket {
    double calls = 0;
    double time = 0;
  };
  // What is open, of whom.
  struct Open {
    mutable std::mutex mutex;
    std::unordered_map<std::string, int> by_user;  // guarded by mutex
    int all = 0;                                   // guarded by mutex
  };

  // Called with its mutex held: one more, which may end after the limits.
  static std::shared_ptr<void> Hold(const std::shared_ptr<Open>& open, const std::string& user);

  std::mutex mutex_;
  std::unordered_map<std::string, Bucket> buckets_;  // guarded by mutex_
  const std::shared_ptr<Open> streams_ = std::make_shared<Open>();
  const std::shared_ptr<Open> transfers_ = std::make_shared<Open>();
};

}  // namespace trainyard::server

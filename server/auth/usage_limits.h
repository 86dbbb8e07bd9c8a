// How often users call and how many streams they have open, against their quota.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "absl/status/statusor.h"
#include "trainyard/v1/admin.pb.h"

namespace trainyard::server {

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

 private:
  struct Bucket {
    double calls = 0;
    double time = 0;
  };
  struct Streams {
    mutable std::mutex mutex;
    std::unordered_map<std::string, int> open;  // guarded by mutex
  };

  std::mutex mutex_;
  std::unordered_map<std::string, Bucket> buckets_;  // guarded by mutex_
  // Shared with the streams, which may end after it.
  const std::shared_ptr<Streams> streams_ = std::make_shared<Streams>();
};

}  // namespace trainyard::server

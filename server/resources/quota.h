// What one user may use at most, and what is said over it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "server/store/store.h"
#include "trainyard/v1/admin.pb.h"

namespace trainyard::server {

// The quota in force for users/{user}. Any thread.
using QuotaOf = std::function<v1::Quota(const std::string& user)>;

// RESOURCE_EXHAUSTED over `quota` of `user`, which the message explains. It
// becomes a QuotaFailure, and with `retry_seconds` a RetryInfo, at the edge.
absl::Status OverQuota(const std::string& user, const std::string& quota,
                       const std::string& message, double retry_seconds = 0);

// Bytes of a user's datasets, uploads included.
absl::StatusOr<std::int64_t> DatasetBytesOf(Reader& reader, std::string_view user);

// Jobs of a user that wait, QUEUED or PAUSED, and that run.
struct JobCounts {
  int queued = 0;
  int running = 0;
};
absl::StatusOr<JobCounts> JobCountsOf(Reader& reader, std::string_view user);

// Whether `user` may have `more` bytes of datasets.
absl::Status CheckDatasetBytes(Reader& reader, const v1::Quota& quota, const std::string& user,
                               std::int64_t more);
// Whether `user` may have one more job that waits.
absl::Status CheckQueuedJobs(Reader& reader, const v1::Quota& quota, const std::string& user);

}  // namespace trainyard::server

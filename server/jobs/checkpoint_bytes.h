// What a user's jobs and networks keep of weights on disk.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/store/store.h"
#include "trainyard/store/v1/records.pb.h"
#include "trainyard/v1/admin.pb.h"

namespace trainyard::server {

// Bytes of the checkpoints that a job keeps, once it has ended; else as many as it may
// come to keep, so that what has been accepted never lacks room. With the weights that
// its network was given, of which a job has a copy.
std::int64_t CheckpointBytesOf(const store::v1::JobRecord& record);

// Bytes of the weights that a network was given; 0 where they are drawn.
std::int64_t GivenBytesOf(const v1::NetworkSpec& spec);

// Of all jobs and networks of users/{user}.
absl::StatusOr<std::int64_t> CheckpointBytesOfUser(Reader& reader, std::string_view user);

// RESOURCE_EXHAUSTED where a user has no room for up to `more` bytes.
absl::Status CheckCheckpointBytes(Reader& reader, const v1::Quota& quota, const std::string& user,
                                  std::int64_t more);

}  // namespace trainyard::server

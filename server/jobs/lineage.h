// What a job takes from another: forks and verifications.
#pragma once

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/store/layout.h"
#include "trainyard/store/v1/records.pb.h"

namespace trainyard::server {

// The record of a new job with the network, the data and the spec of another. It
// has no name and no uid yet.
store::v1::JobRecord WithSpecOf(const store::v1::JobRecord& source);

// Makes a new job go on from a state at the end of an epoch.
void StartFrom(const store::v1::KeptCheckpoint& from, store::v1::JobRecord& record);

// The kept weights of an epoch, or of the last one. FAILED_PRECONDITION where
// they are not kept, naming those that are.
absl::StatusOr<store::v1::KeptCheckpoint> FindKept(const store::v1::JobRecord& record,
                                                   std::optional<int> epoch);

// Gives a job's checkpoint a second name in another's folder, synced: it stays
// whatever becomes of the first.
absl::Status ShareCheckpoint(const Layout& layout, const std::string& from_uid,
                             const std::string& to_uid, const std::string& file);

}  // namespace trainyard::server

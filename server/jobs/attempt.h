// An attempt at a job, as the files of JobService share it.
#pragma once

#include <set>
#include <string>

#include "absl/status/status.h"
#include "server/jobs/job_log.h"
#include "trainyard/store/v1/records.pb.h"
#include "trainyard/worker/v1/worker.pb.h"

namespace trainyard::server {

// What the worker of the next attempt is sent; without weights that were given.
worker::v1::ServerMessage TaskMessage(const store::v1::JobRecord& record, double watts_per_core);

// What a worker is told that is not, or no longer, the one of its job.
absl::Status NotCurrent(const std::string& name, int attempt);

// An attempt may speak for its job while it is the current one and runs.
bool IsCurrent(JobEdit& edit, int attempt);

// Names of the checkpoints that a record has.
std::set<std::string> FilesOf(const store::v1::JobRecord& record);

}  // namespace trainyard::server

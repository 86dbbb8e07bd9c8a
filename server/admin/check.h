// Whether a data directory is whole.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/store/layout.h"

namespace trainyard::server {

struct CheckReport {
  int datasets = 0;
  int jobs = 0;
  int checkpoints = 0;
  std::int64_t events = 0;
  // A line for each: what is wrong with what, and what to do.
  std::vector<std::string> faults;
  // Paths that nothing refers to; a server removes them or uses them again.
  std::vector<std::string> leftovers;
};

// Checks a directory that no server holds: every page of the database, every
// record, each job's log, the digest of every dataset and every checkpoint, and a class's
// certificates.
// Errors: FAILED_PRECONDITION where a server holds it, there is none, or a newer
// server wrote it; DATA_LOSS where the database cannot be read at all.
absl::StatusOr<CheckReport> CheckDirectory(const Layout& layout);

}  // namespace trainyard::server

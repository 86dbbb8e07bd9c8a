// The lock that says that a job's worker lives.
#pragma once

#include <optional>
#include <stop_token>
#include <string_view>
#include <utility>

#include "absl/status/statusor.h"
#include "server/store/layout.h"

namespace trainyard::server {

// Holds run/<job uid>, with the process's id in it: a server that starts again
// looks there for workers that outlived it. A crash frees it.
class WorkerLock {
 public:
  // Waits up to ten seconds for a predecessor that is ending. Errors: UNAVAILABLE
  // where that does not end; CANCELLED where it is told to stop; those of the file
  // system.
  static absl::StatusOr<WorkerLock> Acquire(const Layout& layout, std::string_view job_uid,
                                            const std::stop_token& stop = {});

  WorkerLock(WorkerLock&& other) noexcept : descriptor_(other.descriptor_) {
    other.descriptor_ = -1;
  }
  WorkerLock& operator=(WorkerLock&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~WorkerLock();

 private:
  explicit WorkerLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

// The process that holds a job's lock; none where it is free.
std::optional<int> HolderOf(const Layout& layout, std::string_view job_uid);

}  // namespace trainyard::server

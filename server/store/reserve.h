// Space that is kept for those who give space back: on a full disk even a deletion
// has to be written down first.
#pragma once

#include <atomic>
#include <filesystem>
#include <mutex>

#include "absl/status/status.h"

namespace trainyard::server {

// RESOURCE_EXHAUSTED, reason DISK_FULL, with what to free.
absl::Status DiskFull();

// A file of some megabytes. Any thread.
class Reserve {
 public:
  // Finds the file of an earlier server, or makes it where there is room.
  explicit Reserve(std::filesystem::path file);

  // Whether it is there. Where it is missing, it is made as soon as there is much
  // more room than it takes.
  bool IsThere();
  // Removes the file; false where there is none.
  bool Release();

 private:
  bool Make() const;

  const std::filesystem::path file_;
  std::atomic<bool> there_ = false;
  std::mutex making_;  // held while the file comes or goes, which is rare
};

}  // namespace trainyard::server

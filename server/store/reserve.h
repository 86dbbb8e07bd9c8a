// Space that is kept for those who give space back: on a full disk even a deletion
// has to be written down first.
#pragma once

#include <chrono>
#include <filesystem>
#include <mutex>

namespace trainyard::server {

// A file of some megabytes. Any thread.
class Reserve {
 public:
  explicit Reserve(std::filesystem::path file) : file_(std::move(file)) {}

  // Makes the file where it is missing and there is much more room than it takes;
  // looks at most every few seconds.
  void Restore();
  // Removes the file; false where there is none.
  bool Release();

 private:
  const std::filesystem::path file_;
  std::mutex mutex_;
  bool there_ = false;                                 // guarded by mutex_
  std::chrono::steady_clock::time_point next_look_{};  // guarded by mutex_
};

}  // namespace trainyard::server

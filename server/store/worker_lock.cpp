#include "server/store/worker_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <string>
#include <thread>

#include "core/base/error.h"
#include "core/base/text.h"

namespace trainyard::server {
namespace {

constexpr std::chrono::seconds kPatience{10};
constexpr std::chrono::milliseconds kBetweenTries{20};

std::optional<int> PidIn(int descriptor) {
  std::array<char, 32> text{};
  const auto size = ::pread(descriptor, text.data(), text.size(), 0);
  int pid = 0;
  if (size <= 0) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + size, pid);
  if (error != std::errc() || pid <= 1) return std::nullopt;
  return pid;
}

}  // namespace

absl::StatusOr<WorkerLock> WorkerLock::Acquire(const Layout& layout, std::string_view job_uid,
                                               const std::stop_token& stop) {
  const std::string path = layout.WorkerLock(job_uid).string();
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0) return SystemError(errno, "open", path);
  WorkerLock lock(descriptor);
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (::flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return SystemError(errno, "lock", path);
    if (std::chrono::steady_clock::now() > deadline) {
      return absl::UnavailableError("another worker of this job has not ended");
    }
    if (stop.stop_requested()) return absl::CancelledError("stopped before it had the job's lock");
    std::this_thread::sleep_for(kBetweenTries);
  }
  const std::string pid = StrCat(::getpid(), "\n");
  if (::ftruncate(descriptor, 0) != 0 ||
      ::pwrite(descriptor, pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size())) {
    return SystemError(errno, "write", path);
  }
  return lock;
}

WorkerLock::~WorkerLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

std::optional<int> HolderOf(const Layout& layout, std::string_view job_uid) {
  const std::string path = layout.WorkerLock(job_uid).string();
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return std::nullopt;
  std::optional<int> pid;
  if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0) pid = PidIn(descriptor);
  ::close(descriptor);
  return pid;
}

}  // namespace trainyard::server

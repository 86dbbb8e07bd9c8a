#include "server/store/layout.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <string>
#include <thread>

#include "core/base/error.h"
#include "core/base/text.h"

namespace trainyard::server {
namespace {

// A server that was killed while it started a worker: until that has become another
// program it shares the lock.
constexpr std::chrono::seconds kLockPatience{2};
constexpr std::chrono::milliseconds kBetweenTries{10};

// A directory that may only be read has one cure.
absl::Status CannotWrite(int error_number, std::string_view action, const std::string& path) {
  const absl::Status status = SystemError(error_number, action, path);
  if (error_number != EROFS && error_number != EACCES && error_number != EPERM) return status;
  return MakeError(absl::StatusCode::kFailedPrecondition, {"DATA_DIR_READ_ONLY", "", {}},
                   StrCat(status.message(), "; the server must be able to write its data ",
                          "directory: remount it, change its owner, or choose another --data-dir"));
}

absl::Status MakeFolder(const std::filesystem::path& path) {
  if (::mkdir(path.c_str(), 0700) == 0) return absl::OkStatus();
  if (errno != EEXIST) return CannotWrite(errno, "make the folder", path.string());
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) return absl::OkStatus();
  return MakeError(absl::StatusCode::kFailedPrecondition, {"NOT_A_FOLDER", "", {}},
                   StrCat(path.string(), " is not a folder"));
}

}  // namespace

absl::Status Layout::Create() const {
  const std::size_t limit = sizeof(sockaddr_un::sun_path) - 1;
  if (WorkerSocket().string().size() > limit) {
    return MakeError(absl::StatusCode::kFailedPrecondition, {"DATA_DIR_TOO_LONG", "", {}},
                     StrCat("the data directory's path is too long for a Unix socket: ",
                            WorkerSocket().string(), " has ", WorkerSocket().string().size(),
                            " bytes, the limit is ", limit, "; choose a shorter --data-dir"));
  }
  std::error_code ignored;
  std::filesystem::create_directories(root_.parent_path(), ignored);
  for (const auto& folder :
       {root_, root_ / "datasets", root_ / "jobs", root_ / "uploads", root_ / "run", root_ / "tls"}) {
    if (auto status = MakeFolder(folder); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status DirectoryLock::Acquire(const Layout& layout, DirectoryLock& lock) {
  const std::string path = layout.Lock().string();
  lock.descriptor_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock.descriptor_ < 0) return CannotWrite(errno, "open", path);
  const auto deadline = std::chrono::steady_clock::now() + kLockPatience;
  while (::flock(lock.descriptor_, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return SystemError(errno, "lock", path);
    if (std::chrono::steady_clock::now() < deadline) {
      std::this_thread::sleep_for(kBetweenTries);
      continue;
    }
    return MakeError(absl::StatusCode::kFailedPrecondition, {"DATA_DIR_IN_USE", "", {}},
                     StrCat("another server uses ", layout.root().string(),
                            "; stop it, or choose another --data-dir"));
  }
  return absl::OkStatus();
}

DirectoryLock::~DirectoryLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

}  // namespace trainyard::server

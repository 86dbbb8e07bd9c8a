#include "server/store/reserve.h"

#include <fcntl.h>
#include <unistd.h>

#include <system_error>

#include "core/base/error.h"

namespace trainyard::server {
namespace {

constexpr std::int64_t kBytes = 4 << 20;
constexpr std::uintmax_t kMuchMore = 4 * kBytes;

}  // namespace

absl::Status DiskFull() {
  return MakeError(absl::StatusCode::kResourceExhausted, {"DISK_FULL", "", {}},
                   "the server's disk is full; delete datasets or jobs");
}

Reserve::Reserve(std::filesystem::path file) : file_(std::move(file)) {
  std::error_code error;
  const auto size = std::filesystem::file_size(file_, error);
  there_ = (!error && size == static_cast<std::uintmax_t>(kBytes)) || Make();
}

bool Reserve::IsThere() {
  if (there_) return true;
  const std::lock_guard lock(making_);
  if (!there_) there_ = Make();
  return there_;
}

bool Reserve::Make() const {
  std::error_code error;
  const auto space = std::filesystem::space(file_.parent_path(), error);
  if (error || space.available < kMuchMore) return false;
  const int descriptor = ::open(file_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0) return false;
  const bool made = ::posix_fallocate(descriptor, 0, kBytes) == 0;
  ::close(descriptor);
  if (!made) std::filesystem::remove(file_, error);
  return made;
}

bool Reserve::Release() {
  const std::lock_guard lock(making_);
  std::error_code error;
  there_ = false;
  return std::filesystem::remove(file_, error);
}

}  // namespace trainyard::server

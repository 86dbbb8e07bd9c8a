#include "server/store/reserve.h"

#include <fcntl.h>
#include <unistd.h>

#include <system_error>

namespace trainyard::server {
namespace {

constexpr std::int64_t kBytes = 4 << 20;
constexpr std::uintmax_t kMuchMore = 4 * kBytes;
constexpr std::chrono::seconds kBetweenLooks{5};

}  // namespace

void Reserve::Restore() {
  const std::lock_guard lock(mutex_);
  const auto now = std::chrono::steady_clock::now();
  if (there_ || now < next_look_) return;
  next_look_ = now + kBetweenLooks;
  std::error_code error;
  there_ =
      std::filesystem::file_size(file_, error) == static_cast<std::uintmax_t>(kBytes) && !error;
  if (there_) return;
  const auto space = std::filesystem::space(file_.parent_path(), error);
  if (error || space.available < kMuchMore) return;
  const int descriptor = ::open(file_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0) return;
  there_ = ::posix_fallocate(descriptor, 0, kBytes) == 0;
  ::close(descriptor);
  if (!there_) std::filesystem::remove(file_, error);
}

bool Reserve::Release() {
  const std::lock_guard lock(mutex_);
  std::error_code error;
  there_ = false;
  next_look_ = std::chrono::steady_clock::now() + kBetweenLooks;
  return std::filesystem::remove(file_, error);
}

}  // namespace trainyard::server

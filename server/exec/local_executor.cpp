#include "server/exec/local_executor.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>

#include "server/exec/spawn.h"

namespace trainyard::server {
namespace {

// Whoever is not root may change a session's niceness ten times a second.
constexpr int kTries = 4;
constexpr std::chrono::milliseconds kBetweenTries{50};

// The C library of Debian 12 has no wrapper for it that C++ may use.
int OpenPidfd(int pid) { return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)); }

bool AddToEpoll(int epoll, int descriptor, std::uint64_t tag) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = tag;
  return ::epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event) == 0;
}

void KillAndReap(int pid) {
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
}

std::string Describe(const siginfo_t& info) {
  if (info.si_code == CLD_EXITED) return "exited with code " + std::to_string(info.si_status);
  return "was killed by signal " + std::to_string(info.si_status);
}

}  // namespace

LocalExecutor::LocalExecutor(std::filesystem::path worker, std::filesystem::path data_dir)
    : worker_(std::move(worker)),
      data_dir_(std::move(data_dir)),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      wake_(::eventfd(0, EFD_CLOEXEC)) {
  // Without these two nothing can be watched; they fail only out of descriptors
  // or memory.
  if (epoll_ < 0 || wake_ < 0 || !AddToEpoll(epoll_, wake_, 0)) std::abort();
  watcher_ = std::thread([this] { Watch(); });
}

LocalExecutor::~LocalExecutor() {
  const std::uint64_t one = 1;
  // An eventfd's counter takes this write at once.
  if (::write(wake_, &one, sizeof(one)) != sizeof(one)) std::abort();
  watcher_.join();
  for (const auto& [id, process] : processes_) {
    ::syscall(SYS_pidfd_send_signal, process.pidfd, SIGKILL, nullptr, 0);
    if (!process.adopted) ::waitpid(process.pid, nullptr, 0);
    ::close(process.pidfd);
  }
  ::close(wake_);
  ::close(epoll_);
}

void LocalExecutor::SetExitHandler(ExitHandler handler) { handler_ = std::move(handler); }

absl::StatusOr<WorkerId> LocalExecutor::Start(const WorkerSpec& spec) {
  const std::lock_guard lock(mutex_);
  auto pid = Spawn({worker_.string(), "--data-dir", data_dir_.string(), "--job", spec.name,
                    "--attempt", std::to_string(spec.attempt)},
                   spec.log_file);
  if (!pid.ok()) return pid.status();
  auto id = Add(*pid, false);
  if (!id.ok()) KillAndReap(*pid);
  return id;
}

absl::StatusOr<WorkerId> LocalExecutor::Adopt(int pid) {
  const std::lock_guard lock(mutex_);
  return Add(pid, true);
}

absl::StatusOr<WorkerId> LocalExecutor::Add(int pid, bool adopted) {
  const WorkerId id = last_id_ + 1;
  const int pidfd = OpenPidfd(pid);
  if (pidfd < 0 && errno == ESRCH) return absl::NotFoundError("there is no such process");
  if (pidfd < 0 || !AddToEpoll(epoll_, pidfd, static_cast<std::uint64_t>(id))) {
    const std::string why = std::strerror(errno);
    if (pidfd >= 0) ::close(pidfd);
    return absl::ResourceExhaustedError("cannot watch a process: " + why);
  }
  last_id_ = id;
  processes_[id] = {pid, pidfd, adopted};
  return id;
}

void LocalExecutor::Release(WorkerId id) {
  const std::lock_guard lock(mutex_);
  const auto found = processes_.find(id);
  if (found == processes_.end()) return;
  ::epoll_ctl(epoll_, EPOLL_CTL_DEL, found->second.pidfd, nullptr);
  ::close(found->second.pidfd);
  processes_.erase(found);
}

void LocalExecutor::Hurry(WorkerId id) {
  for (int left = kTries; GiveShare(id) == EAGAIN && left > 0; --left) {
    std::this_thread::sleep_for(kBetweenTries);
  }
}

// The worker's session is nice as a whole (StepBack in server/worker/main.cpp); so
// nice that beside a busy one its threads may wait for seconds, even to die.
int LocalExecutor::GiveShare(WorkerId id) {
  std::string path;
  {
    const std::lock_guard lock(mutex_);
    const auto found = processes_.find(id);
    if (found == processes_.end()) return 0;
    path = "/proc/" + std::to_string(found->second.pid) + "/autogroup";
  }
  // Not there without CONFIG_SCHED_AUTOGROUP.
  const int file = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (file < 0) return errno;
  const int error = ::write(file, "0", 1) == 1 ? 0 : errno;
  ::close(file);
  return error;
}

void LocalExecutor::Terminate(WorkerId id) { Signal(id, SIGTERM); }

void LocalExecutor::Kill(WorkerId id) {
  GiveShare(id);
  Signal(id, SIGKILL);
}

void LocalExecutor::Signal(WorkerId id, int signal) {
  const std::lock_guard lock(mutex_);
  const auto found = processes_.find(id);
  if (found == processes_.end()) return;
  // By pidfd: the pid may be another process's by now. It fails only where the
  // process has ended, which Watch will hear.
  ::syscall(SYS_pidfd_send_signal, found->second.pidfd, signal, nullptr, 0);
}

void LocalExecutor::Watch() {
  while (true) {
    epoll_event event{};
    const int count = ::epoll_wait(epoll_, &event, 1, -1);
    if (count < 0 && errno == EINTR) continue;
    if (count < 1 || event.data.u64 == 0) return;
    Reap(static_cast<WorkerId>(event.data.u64));
  }
}

void LocalExecutor::Reap(WorkerId id) {
  std::string how = "ended";
  {
    const std::lock_guard lock(mutex_);
    const auto found = processes_.find(id);
    if (found == processes_.end()) return;
    if (!found->second.adopted) {
      siginfo_t info{};
      ::waitid(P_PID, static_cast<id_t>(found->second.pid), &info, WEXITED);
      how = Describe(info);
    }
    ::epoll_ctl(epoll_, EPOLL_CTL_DEL, found->second.pidfd, nullptr);
    ::close(found->second.pidfd);
    processes_.erase(found);
  }
  if (handler_) handler_(id, how);
}

}  // namespace trainyard::server

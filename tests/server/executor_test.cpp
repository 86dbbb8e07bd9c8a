#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <fstream>
#include <iterator>
#include <map>
#include <mutex>
#include <sstream>
#include <thread>

#include "server/exec/local_executor.h"
#include "tests/support/temp_folder.h"

namespace trainyard::server {
namespace {

// Real processes: a script takes the worker's place and does what --job says.
class LocalExecutorTest : public testing::Test {
 protected:
  LocalExecutorTest() {
    const auto script = folder_.path() / "worker";
    std::ofstream(script)
        << "#!/bin/sh\n"
           "echo \"$@\"\n"
           "case \"$4\" in\n"
           "  exit3) exit 3 ;;\n"
           "  crash) kill -ABRT $$ ;;\n"
           "  open*) [ -e /proc/$$/fd/${4#open} ] && exit 4; exit 0 ;;\n"
           "  stay) exec sleep 1000 ;;\n"
           "  nice) echo 10 > /proc/$$/autogroup; echo pid $$; exec sleep 1000 ;;\n"
           "esac\n";
    std::filesystem::permissions(script, std::filesystem::perms::owner_all);
    executor_ = std::make_unique<LocalExecutor>(script, folder_.path());
    executor_->SetExitHandler([this](WorkerId id, const std::string& how) {
      const std::lock_guard lock(mutex_);
      ends_[id].push_back(how);
      changed_.notify_all();
    });
  }

  WorkerId Start(const std::string& name) {
    auto id = executor_->Start({name, 7, folder_.path() / "log"});
    EXPECT_TRUE(id.ok()) << id.status();
    return id.value_or(0);
  }

  std::string EndOf(WorkerId id) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::seconds(20), [&] { return ends_.contains(id); });
    return ends_[id].empty() ? "nothing" : ends_[id].front();
  }

  std::string Log() {
    std::ostringstream text;
    text << std::ifstream(folder_.path() / "log").rdbuf();
    return text.str();
  }

  TempFolder folder_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<WorkerId, std::vector<std::string>> ends_;
  std::unique_ptr<LocalExecutor> executor_;
};

TEST_F(LocalExecutorTest, OneThatIsToEndSoonGetsAnOrdinaryShareOfTheProcessor) {
  if (!std::ifstream("/proc/self/autogroup").is_open()) {
    GTEST_SKIP() << "this kernel has no CONFIG_SCHED_AUTOGROUP";
  }
  const WorkerId id = Start("nice");
  std::string pid;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (pid.empty() && std::chrono::steady_clock::now() < deadline) {
    std::ifstream log(folder_.path() / "log");
    for (std::string word; log >> word;) {
      if (word == "pid" && log >> word) pid = word;
    }
  }
  const auto niceness = [&] {
    std::string line;
    std::getline(std::ifstream("/proc/" + pid + "/autogroup"), line);
    return line.substr(line.find("nice"));
  };
  EXPECT_EQ(niceness(), "nice 10");
  executor_->Hurry(id);
  EXPECT_EQ(niceness(), "nice 0");
}

TEST_F(LocalExecutorTest, TellsHowAWorkerEnded) {
  EXPECT_EQ(EndOf(Start("exit3")), "exited with code 3");
  EXPECT_EQ(EndOf(Start("crash")), "was killed by signal 6");
}

TEST_F(LocalExecutorTest, PassesTheWorkersOptionsAndKeepsItsLog) {
  EndOf(Start("exit3"));
  EXPECT_EQ(Log(), "--data-dir " + folder_.path().string() + " --job exit3 --attempt 7\n");
}

TEST_F(LocalExecutorTest, KillAndTerminateEndAWorkerAndMayBeCalledAgain) {
  const WorkerId killed = Start("stay");
  const WorkerId terminated = Start("stay");
  executor_->Kill(killed);
  executor_->Terminate(terminated);
  EXPECT_EQ(EndOf(killed), "was killed by signal 9");
  EXPECT_EQ(EndOf(terminated), "was killed by signal 15");
  executor_->Kill(killed);
  executor_->Terminate(terminated);
  EXPECT_EQ(ends_[killed].size(), 1u);
}

// One that whoever started the server left open, say.
TEST_F(LocalExecutorTest, AWorkerInheritsNoDescriptor) {
  constexpr int kAmongTheLast = 200;
  const int descriptor = ::fcntl(STDERR_FILENO, F_DUPFD, kAmongTheLast);
  ASSERT_GE(descriptor, kAmongTheLast);
  EXPECT_EQ(EndOf(Start("open" + std::to_string(descriptor))), "exited with code 0");
  ::close(descriptor);
}

// The calling thread's epoll_ctl fails from now on, as where the user has too
// many watches. False where the kernel has no filters.
bool ForbidEpollCtl() {
  sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_epoll_ctl, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSPC),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog filter{std::size(program), program};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

TEST_F(LocalExecutorTest, AWorkerThatCannotBeWatchedIsAnErrorAndIsGone) {
  absl::StatusOr<WorkerId> id = absl::UnknownError("not started");
  bool forbidden = false;
  // The filter lasts as long as its thread.
  std::thread([&] {
    forbidden = ForbidEpollCtl();
    if (forbidden) id = executor_->Start({"stay", 1, folder_.path() / "log"});
  }).join();
  if (!forbidden) GTEST_SKIP() << "no system call filters here";
  EXPECT_TRUE(absl::IsResourceExhausted(id.status())) << id.status();
  // No child is left: neither alive nor a zombie.
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
  EXPECT_EQ(errno, ECHILD);
}

TEST_F(LocalExecutorTest, ABinaryThatIsNotThereIsAnError) {
  LocalExecutor executor(folder_.path() / "missing", folder_.path());
  EXPECT_FALSE(executor.Start({"x", 1, folder_.path() / "log"}).ok());
}

TEST_F(LocalExecutorTest, LeavesNoProcessBehind) {
  Start("stay");
  // Would hang, were the process waited for but not killed.
  executor_.reset();
}

}  // namespace
}  // namespace trainyard::server

#include "server/exec/confine.h"

#include <gtest/gtest.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <functional>

namespace trainyard::server {
namespace {

bool IsDenied(long result) { return result == -1 && errno == EPERM; }

// What `probe` says in a process that is confined.
bool InConfinement(const std::function<bool()>& probe) {
  const pid_t child = ::fork();
  if (child == 0) {
    if (!ConfineProcess().ok()) ::_exit(2);
    ::_exit(probe() ? 0 : 1);
  }
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) != 2) << "not confined";
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

class ConfineTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!CanConfine().ok()) GTEST_SKIP() << CanConfine().message();
  }
};

TEST_F(ConfineTest, NoProgramIsStarted) {
  EXPECT_TRUE(InConfinement([] {
    char* const arguments[] = {nullptr};
    return IsDenied(::execv("/bin/true", arguments));
  }));
}

TEST_F(ConfineTest, NoNetworkButThisMachine) {
  EXPECT_TRUE(InConfinement([] { return IsDenied(::socket(AF_INET, SOCK_STREAM, 0)); }));
  EXPECT_TRUE(InConfinement([] { return IsDenied(::socket(AF_INET6, SOCK_DGRAM, 0)); }));
  EXPECT_TRUE(InConfinement([] { return ::socket(AF_UNIX, SOCK_STREAM, 0) >= 0; }));
}

TEST_F(ConfineTest, NoOtherProcessIsLookedInto) {
  EXPECT_TRUE(
      InConfinement([] { return IsDenied(::ptrace(PTRACE_SEIZE, ::getppid(), nullptr, 0)); }));
}

}  // namespace
}  // namespace trainyard::server

// A failed sync of the database ends the process, whether a commit's or the one
// of a checkpoint of the log, whose errors SQLite itself would drop.
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <string_view>

#include "core/base/file.h"
#include "server/store/store.h"
#include "tests/support/temp_folder.h"

namespace {

// Syncs of files whose path ends like this fail; none where it is empty.
std::string_view failing;

int Sync(long call, int descriptor) {
  std::array<char, 64> link{};
  std::snprintf(link.data(), link.size(), "/proc/self/fd/%d", descriptor);
  std::array<char, 4096> path{};
  const auto size = ::readlink(link.data(), path.data(), path.size());
  if (failing.empty() || size < 0 ||
      !std::string_view(path.data(), static_cast<std::size_t>(size)).ends_with(failing)) {
    return static_cast<int>(::syscall(call, descriptor));
  }
  errno = EIO;
  return -1;
}

}  // namespace

// These come before the C library's, for SQLite too.
extern "C" int fsync(int descriptor) { return Sync(SYS_fsync, descriptor); }
extern "C" int fdatasync(int descriptor) { return Sync(SYS_fdatasync, descriptor); }

namespace trainyard::server {
namespace {

constexpr int kEnded = 7;

// Writes until the process ends, at most as much as makes SQLite write its log
// back.
void WriteWhileSyncFails(const Layout& layout, std::string_view end) {
  SetSyncFailureHandler([](const absl::Status& error) {
    std::fprintf(stderr, "%s\n", std::string(error.message()).c_str());
    ::_exit(kEnded);
  });
  auto store = Store::Open(layout);
  if (!store.ok()) ::_exit(1);
  failing = end;
  const std::string large(std::size_t{1} << 20, 'x');
  for (int i = 0; i < 8; ++i) {
    (*store)
        ->Commit([&](Transaction& t) { return t.PutFact("f" + std::to_string(i), large); })
        .IgnoreError();
  }
  ::_exit(0);
}

class FailedSyncDeathTest : public testing::Test {
 protected:
  FailedSyncDeathTest() : layout_(folder_.path()) {
    // The store has a thread.
    testing::FLAGS_gtest_death_test_style = "threadsafe";
    EXPECT_TRUE(layout_.Create().ok());
  }

  TempFolder folder_;
  Layout layout_;
};

TEST_F(FailedSyncDeathTest, OfACommitEndsTheProcess) {
  EXPECT_EXIT(WriteWhileSyncFails(layout_, "trainyard.db-wal"), testing::ExitedWithCode(kEnded),
              "trainyard.db: ");
}

TEST_F(FailedSyncDeathTest, OfTheLogsCheckpointEndsTheProcess) {
  EXPECT_EXIT(WriteWhileSyncFails(layout_, "trainyard.db"), testing::ExitedWithCode(kEnded),
              "trainyard.db: ");
}

}  // namespace
}  // namespace trainyard::server

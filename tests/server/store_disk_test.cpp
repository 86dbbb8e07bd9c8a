// The store on a disk that is full: SQLite's own writes are made to fail.
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <thread>

#include "core/base/error.h"
#include "core/base/file.h"
#include "server/store/store.h"
#include "tests/support/temp_folder.h"

namespace trainyard::server {
namespace {

// When SQLite finds no space.
enum class Full { kNo, kWhileThereIsAReserve, kAlways };
std::atomic<Full> full = Full::kNo;
// Set before there is a store.
std::filesystem::path reserve;

bool IsFull() {
  if (full == Full::kWhileThereIsAReserve) return std::filesystem::exists(reserve);
  return full == Full::kAlways;
}

ssize_t WriteAt(int descriptor, const void* bytes, size_t size, off_t offset) {
  if (!IsFull()) return ::pwrite(descriptor, bytes, size, offset);
  errno = ENOSPC;
  return -1;
}

ssize_t Write(int descriptor, const void* bytes, size_t size) {
  if (!IsFull()) return ::write(descriptor, bytes, size);
  errno = ENOSPC;
  return -1;
}

void Interpose(const char* call, sqlite3_syscall_ptr function) {
  sqlite3_vfs* const vfs = sqlite3_vfs_find(nullptr);
  // Which of these there are depends on how SQLite was built.
  if (vfs->xGetSystemCall(vfs, call) != nullptr) vfs->xSetSystemCall(vfs, call, function);
}

class StoreDiskTest : public testing::Test {
 protected:
  StoreDiskTest() : layout_(folder_.path()) {
    Interpose("write", reinterpret_cast<sqlite3_syscall_ptr>(&Write));
    Interpose("pwrite", reinterpret_cast<sqlite3_syscall_ptr>(&WriteAt));
    Interpose("pwrite64", reinterpret_cast<sqlite3_syscall_ptr>(&WriteAt));
    EXPECT_TRUE(layout_.Create().ok());
    reserve = layout_.Reserve();
    store_ = *Store::Open(layout_);
    EXPECT_TRUE(Put("before", Store::WhenFull::kFail).ok());
    full = Full::kWhileThereIsAReserve;
  }
  ~StoreDiskTest() override {
    full = Full::kNo;
    store_.reset();
    sqlite3_vfs* const vfs = sqlite3_vfs_find(nullptr);
    vfs->xSetSystemCall(vfs, nullptr, nullptr);
  }

  absl::Status Put(const std::string& key, Store::WhenFull when_full) {
    return store_->Commit([key](Transaction& t) { return t.PutFact(key, "x"); }, when_full);
  }

  std::string Read(const std::string& key) {
    std::string value;
    const auto status = store_->Read([&](Reader& reader) -> absl::Status {
      auto fact = reader.Fact(key);
      if (fact.ok()) value = *fact;
      return fact.status();
    });
    EXPECT_TRUE(status.ok()) << status;
    return value;
  }

  TempFolder folder_;
  Layout layout_;
  std::unique_ptr<Store> store_;
};

TEST_F(StoreDiskTest, AFullDiskIsSaidWithWhatToFree) {
  const auto status = Put("a", Store::WhenFull::kFail);
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(GetErrorDetails(status).reason, "DISK_FULL");
  EXPECT_NE(std::string(status.message()).find("delete datasets or jobs"), std::string::npos);
  EXPECT_EQ(Read("a"), "");
  EXPECT_EQ(Read("before"), "x");
}

TEST_F(StoreDiskTest, WhatFreesSpaceUsesTheReserve) {
  EXPECT_TRUE(Put("a", Store::WhenFull::kUseReserve).ok());
  EXPECT_EQ(Read("a"), "x");
}

TEST_F(StoreDiskTest, NothingIsAcknowledgedThatIsNotThere) {
  full = Full::kAlways;
  EXPECT_TRUE(IsDiskFull(Put("a", Store::WhenFull::kUseReserve)));
  full = Full::kWhileThereIsAReserve;
  EXPECT_EQ(Read("a"), "");
  EXPECT_TRUE(Put("a", Store::WhenFull::kUseReserve).ok());
}

TEST_F(StoreDiskTest, WhoWaitsGoesOnWithSpaceOrGivesUp) {
  std::thread waiting([this] { EXPECT_TRUE(Put("a", Store::WhenFull::kWait).ok()); });
  EXPECT_TRUE(IsDiskFull(Put("b", Store::WhenFull::kFail)));
  EXPECT_EQ(Read("a"), "");
  full = Full::kNo;
  waiting.join();
  EXPECT_EQ(Read("a"), "x");
  full = Full::kAlways;
  store_->GiveUp();
  EXPECT_TRUE(IsDiskFull(Put("c", Store::WhenFull::kWait)));
}

}  // namespace
}  // namespace trainyard::server

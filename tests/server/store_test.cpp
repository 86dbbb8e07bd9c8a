#include "server/store/store.h"

#include <gtest/gtest.h>

#include <fstream>
#include <thread>
#include <vector>

#include "core/base/error.h"
#include "server/store/schema.h"
#include "tests/support/temp_folder.h"

namespace trainyard::server {
namespace {

class StoreTest : public testing::Test {
 protected:
  StoreTest() : layout_(folder_.path() / "data") {
    EXPECT_TRUE(layout_.Create().ok());
    Reopen();
  }

  void Reopen() {
    store_.reset();
    auto store = Store::Open(layout_);
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }

  absl::Status Insert(const std::string& name, int state = 1) {
    return store_->Commit([&](Transaction& transaction) {
      ResourceRow row{0,  ResourceKind::kNetwork, name, "uid-" + name, "users/local", state, "",
                      "x"};
      return transaction.Insert(row);
    });
  }

  std::vector<std::string> Names() {
    std::vector<std::string> names;
    EXPECT_TRUE(store_
                    ->Read([&](Reader& reader) -> absl::Status {
                      auto rows = reader.List(ResourceKind::kNetwork, "users/local", 0, 10'000);
                      for (const auto& row : *rows) names.push_back(row.name);
                      return rows.status();
                    })
                    .ok());
    return names;
  }

  TempFolder folder_;
  Layout layout_;
  std::unique_ptr<Store> store_;
};

TEST_F(StoreTest, KeepsWhatWasCommittedAcrossAReopen) {
  ASSERT_TRUE(Insert("a").ok());
  Reopen();
  EXPECT_EQ(Names(), std::vector<std::string>{"a"});
}

TEST_F(StoreTest, FailedWorkLeavesNothingAndDoesNotTouchItsNeighbours) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 40; ++i) {
    threads.emplace_back([this, i] {
      const std::string name = "n" + std::to_string(i);
      const auto status = store_->Commit([&](Transaction& transaction) -> absl::Status {
        ResourceRow row{0, ResourceKind::kNetwork, name, name, "users/local", 1, "", ""};
        if (auto done = transaction.Insert(row); !done.ok()) return done;
        return i % 2 == 0 ? absl::OkStatus() : absl::AbortedError("on purpose");
      });
      EXPECT_EQ(status.ok(), i % 2 == 0);
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(Names().size(), 20u);
}

TEST_F(StoreTest, ANameIsTakenOnceAndFreeAfterADelete) {
  ASSERT_TRUE(Insert("a").ok());
  const auto again = Insert("a");
  EXPECT_EQ(again.code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(GetErrorDetails(again).metadata.at("resource"), "a");
  ASSERT_TRUE(store_->Commit([](Transaction& t) { return t.Delete("uid-a"); }).ok());
  EXPECT_TRUE(Insert("a").ok());
}

TEST_F(StoreTest, ASequenceOrAnEpochCannotBeWrittenTwice) {
  const auto append = [this](std::int64_t sequence, int epoch) {
    return store_->Commit([&](Transaction& t) {
      EventRow row{sequence, "e"};
      return t.AppendEvent("job", epoch, row);
    });
  };
  ASSERT_TRUE(append(1, 0).ok());
  ASSERT_TRUE(append(2, 1).ok());
  EXPECT_FALSE(append(2, 2).ok());
  EXPECT_FALSE(append(3, 1).ok());
  EXPECT_TRUE(append(3, 0).ok());
  EXPECT_TRUE(append(4, 0).ok());
}

TEST_F(StoreTest, EventsComeInOrderAfterACursor) {
  ASSERT_TRUE(store_
                  ->Commit([](Transaction& t) -> absl::Status {
                    for (int i = 1; i <= 5; ++i) {
                      EventRow row{i, std::to_string(i)};
                      if (auto done = t.AppendEvent("job", 0, row); !done.ok()) return done;
                    }
                    EventRow other{1, "x"};
                    return t.AppendEvent("other", 0, other);
                  })
                  .ok());
  std::string read;
  ASSERT_TRUE(store_
                  ->Read([&](Reader& reader) -> absl::Status {
                    auto events = reader.Events("job", 2, 2);
                    for (const auto& event : *events) read += event.body;
                    return events.status();
                  })
                  .ok());
  EXPECT_EQ(read, "34");
}

TEST_F(StoreTest, ADatabaseOfANewerServerIsRefused) {
  store_.reset();
  {
    auto connection = Connection::Open(layout_.Database().string(), Connection::Mode::kReadWrite);
    ASSERT_TRUE(connection.ok());
    ASSERT_TRUE(
        (*connection)->Execute("PRAGMA user_version = " + std::to_string(kSchemaVersion + 1)).ok());
  }
  const auto store = Store::Open(layout_);
  ASSERT_FALSE(store.ok());
  EXPECT_EQ(GetErrorDetails(store.status()).reason, "DATABASE_NEWER");
}

TEST_F(StoreTest, ADamagedDatabaseIsRefused) {
  for (int i = 0; i < 200; ++i) ASSERT_TRUE(Insert("network-" + std::to_string(i)).ok());
  store_.reset();
  std::fstream file(layout_.Database(), std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(4096 * 2);
  file << std::string(8192, '\x5a');
  file.close();
  const auto store = Store::Open(layout_);
  ASSERT_FALSE(store.ok());
  EXPECT_NE(std::string(store.status().message()).find("damaged"), std::string::npos)
      << store.status();
}

TEST(LayoutTest, ADirectoryTooLongForASocketIsAClearError) {
  const Layout layout("/tmp/" + std::string(200, 'x'));
  EXPECT_EQ(GetErrorDetails(layout.Create()).reason, "DATA_DIR_TOO_LONG");
}

TEST(LayoutTest, ADirectoryHasOneServer) {
  TempFolder folder;
  const Layout layout(folder.path());
  DirectoryLock first;
  DirectoryLock second;
  ASSERT_TRUE(DirectoryLock::Acquire(layout, first).ok());
  EXPECT_EQ(GetErrorDetails(DirectoryLock::Acquire(layout, second)).reason, "DATA_DIR_IN_USE");
}

}  // namespace
}  // namespace trainyard::server

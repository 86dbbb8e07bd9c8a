#include "server/store/store.h"

#include <gtest/gtest.h>

#include <fstream>
#include <thread>
#include <vector>

#include "core/base/error.h"
#include "core/base/text.h"
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

TEST_F(StoreTest, TheAuditLogIsTrimmedByTime) {
  for (std::int64_t time = 1; time <= 5; ++time) {
    AuditRow row = {0, time, "users/ada", "token", "Make", "thing-" + std::to_string(time)};
    ASSERT_TRUE(store_->Commit([&](Transaction& t) { return t.AppendAudit(row); }).ok());
  }
  ASSERT_TRUE(store_->Commit([](Transaction& t) { return t.TrimAudit(3); }).ok());
  std::string left;
  const auto read = store_->Read([&](Reader& reader) -> absl::Status {
    auto rows = reader.Audit("", 1000, 10);
    for (const AuditRow& row : *rows) left += row.resource + " ";
    return rows.status();
  });
  ASSERT_TRUE(read.ok()) << read;
  EXPECT_EQ(left, "thing-5 thing-4 thing-3 ");
}

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

TEST_F(StoreTest, AFileThatIsNoDatabaseIsRefused) {
  store_.reset();
  std::ofstream(layout_.Database(), std::ios::binary | std::ios::trunc) << std::string(8192, 'x');
  const auto store = Store::Open(layout_);
  EXPECT_EQ(GetErrorDetails(store.status()).reason, "DATABASE_DAMAGED");
  const std::string message(store.status().message());
  EXPECT_NE(message.find(layout_.Database().string()), std::string::npos) << message;
  EXPECT_NE(message.find("restore a backup"), std::string::npos) << message;
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

TEST_F(StoreTest, AnAnswerIsForgottenAfterADay) {
  const auto answer = [this](const std::string& id) {
    return store_->Commit([&](Transaction& t) {
      return t.PutAnswered("me", "Make", id, {"print", "response"});
    });
  };
  const auto is_there = [this](const std::string& id) {
    bool there = false;
    EXPECT_TRUE(store_
                    ->Read([&](Reader& reader) -> absl::Status {
                      auto found = reader.Answered("me", "Make", id);
                      there = found.ok() && found->has_value();
                      return found.status();
                    })
                    .ok());
    return there;
  };
  ASSERT_TRUE(answer("old").ok());
  ASSERT_TRUE(answer("young").ok());
  {
    auto connection = Connection::Open(layout_.Database().string(), Connection::Mode::kReadWrite);
    ASSERT_TRUE(connection.ok());
    ASSERT_TRUE((*connection)
                    ->Execute("UPDATE requests SET time = time - 86401 WHERE request_id = 'old';"
                              "UPDATE requests SET time = time - 86000 WHERE request_id = 'young'")
                    .ok());
  }
  EXPECT_TRUE(is_there("old"));
  ASSERT_TRUE(answer("new").ok());
  EXPECT_FALSE(is_there("old"));
  EXPECT_TRUE(is_there("young"));
  EXPECT_TRUE(is_there("new"));
}

// What the first version wrote is there after every later one has begun.
TEST_F(StoreTest, ADatabaseOfTheFirstVersionIsBroughtUpToDate) {
  const Layout old(folder_.path() / "old");
  ASSERT_TRUE(old.Create().ok());
  {
    auto connection = Connection::Open(old.Database().string(), Connection::Mode::kReadWrite);
    ASSERT_TRUE(connection.ok());
    const auto made =
        (*connection)
            ->Execute(StrCat(MigrationFrom(0), "PRAGMA user_version = 1;",
                             "INSERT INTO resources VALUES(7, 3, 'users/local/jobs/j', 'uid', "
                             "'users/local', 4, '', x'0102');"
                             "INSERT INTO events VALUES(9, 'uid', 1, NULL, x'03');"
                             "INSERT INTO requests VALUES('me', 'Make', 'r', 'print', x'04');"
                             "INSERT INTO attachments VALUES('uid', x'05');"
                             "INSERT INTO facts VALUES('key', x'06');"));
    ASSERT_TRUE(made.ok()) << made;
  }
  auto store = Store::Open(old);
  ASSERT_TRUE(store.ok()) << store.status();
  const auto read = (*store)->Read([](Reader& reader) -> absl::Status {
    EXPECT_EQ(reader.Get(ResourceKind::kJob, "users/local/jobs/j")->body, "\x01\x02");
    EXPECT_EQ(reader.Events("uid", 0, 9)->at(0).body, "\x03");
    EXPECT_EQ(reader.Answered("me", "Make", "r")->value().response, "\x04");
    EXPECT_EQ(*reader.Attachment("uid"), "\x05");
    EXPECT_EQ(*reader.Fact("key"), "\x06");
    return absl::OkStatus();
  });
  EXPECT_TRUE(read.ok()) << read;
  // An answer from before counts from the migration on.
  ASSERT_TRUE((*store)
                  ->Commit([](Transaction& t) {
                    return t.PutAnswered("me", "Make", "s", {"print", "response"});
                  })
                  .ok());
  EXPECT_TRUE((*store)
                  ->Read([](Reader& reader) -> absl::Status {
                    EXPECT_TRUE(reader.Answered("me", "Make", "r")->has_value());
                    return absl::OkStatus();
                  })
                  .ok());
  // Twice is once.
  store->reset();
  EXPECT_TRUE(Store::Open(old).ok());
}

}  // namespace
}  // namespace trainyard::server

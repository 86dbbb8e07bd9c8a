#include "server/events/log_starts.h"

#include <gtest/gtest.h>

#include "tests/support/temp_folder.h"

namespace trainyard::server {
namespace {

class LogStartsTest : public testing::Test {
 protected:
  LogStartsTest() : layout_(folder_.path() / "data") {
    EXPECT_TRUE(layout_.Create().ok());
    store_ = *Store::Open(layout_);
  }

  void Append(int events) {
    const auto status = store_->Commit([&](Transaction& transaction) -> absl::Status {
      for (int i = 0; i < events; ++i) {
        EventRow row = {++sequence_, "event", 0};
        if (auto appended = transaction.AppendEvent("uid", 0, row); !appended.ok()) return appended;
      }
      return absl::OkStatus();
    });
    ASSERT_TRUE(status.ok()) << status;
  }

  LogStarts Note(const std::string& mark) {
    auto starts = LogStarts::Note(*store_, mark);
    EXPECT_TRUE(starts.ok()) << starts.status();
    return *std::move(starts);
  }

  TempFolder folder_;
  Layout layout_;
  std::unique_ptr<Store> store_;
  std::int64_t sequence_ = 0;
};

TEST_F(LogStartsTest, ACursorIsTheSameUnderEveryLaterStart) {
  const LogStarts first = Note("a");
  EXPECT_EQ(first.CursorOf(0), "c0");
  Append(3);
  EXPECT_EQ(first.CursorOf(3), "c3.a");
  // One that writes nothing gives no id.
  Note("b");
  const LogStarts third = Note("c");
  Append(2);
  const LogStarts fourth = Note("d");
  for (const LogStarts* starts : {&third, &fourth}) {
    EXPECT_EQ(starts->CursorOf(0), "c0");
    EXPECT_EQ(starts->CursorOf(1), "c1.a");
    EXPECT_EQ(starts->CursorOf(3), "c3.a");
    EXPECT_EQ(starts->CursorOf(4), "c4.c");
    EXPECT_EQ(starts->CursorOf(5), "c5.c");
  }
  EXPECT_EQ(fourth.CursorOf(6), "c6.d");
  EXPECT_EQ(LogStarts().CursorOf(6), "c6");
}

TEST_F(LogStartsTest, EventsFromBeforeStartsWereNotedHaveBareCursors) {
  Append(2);
  const LogStarts starts = Note("a");
  Append(1);
  EXPECT_EQ(starts.CursorOf(2), "c2");
  EXPECT_EQ(starts.CursorOf(3), "c3.a");
}

TEST_F(LogStartsTest, KeepsTheLastThousand) {
  for (int start = 1; start <= 1002; ++start) {
    Note("m" + std::to_string(start));
    Append(1);
  }
  const LogStarts starts = Note("end");
  EXPECT_EQ(starts.CursorOf(3), "c3");
  EXPECT_EQ(starts.CursorOf(4), "c4.m4");
  EXPECT_EQ(starts.CursorOf(1002), "c1002.m1002");
}

TEST(LogStarts, ACursorIsAnIdAndAMark) {
  EXPECT_EQ(*LogStarts::IdOf(""), 0);
  EXPECT_EQ(*LogStarts::IdOf("c0"), 0);
  EXPECT_EQ(*LogStarts::IdOf("c17"), 17);
  EXPECT_EQ(*LogStarts::IdOf("c17.k3"), 17);
  for (const char* none : {"17", "c", "c-1", "c+1", "c01", "c1.", "c1.a-b", "c1.a.b", "c 1", ".a",
                           "c99999999999999999999", "c1.\xc3\xa4"}) {
    EXPECT_EQ(LogStarts::IdOf(none).status().code(), absl::StatusCode::kInvalidArgument) << none;
  }
}

}  // namespace
}  // namespace trainyard::server

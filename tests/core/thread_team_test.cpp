#include "core/base/thread_team.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace trainyard {
namespace {

void ExpectEachItemOnce(ThreadTeam& team, std::int64_t items) {
  std::vector<std::atomic<int>> calls(static_cast<std::size_t>(items));
  team.ForEach(items, [&](std::int64_t item) { ++calls[static_cast<std::size_t>(item)]; });
  for (const std::atomic<int>& count : calls) ASSERT_EQ(count, 1);
}

TEST(ThreadTeam, DoesEachItemOnceInManyRounds) {
  for (const int threads : {1, 2, 3, 16}) {
    ThreadTeam team(threads);
    EXPECT_EQ(team.size(), threads);
    for (int round = 0; round < 200; ++round) ExpectEachItemOnce(team, round % 40);
  }
}

TEST(ThreadTeam, MayHaveMoreThreadsThanTheMachine) {
  ThreadTeam team(static_cast<int>(4 * std::thread::hardware_concurrency()) + 3);
  for (int round = 0; round < 20; ++round) ExpectEachItemOnce(team, 1000);
}

TEST(ThreadTeam, SeesWhatWasWrittenBeforeAndShowsWhatItWrote) {
  ThreadTeam team(4);
  std::vector<int> values(100, 0);
  for (int round = 1; round <= 100; ++round) {
    team.ForEach(100, [&](std::int64_t item) { ++values[static_cast<std::size_t>(item)]; });
    for (int& value : values) {
      ASSERT_EQ(value, 2 * round - 1);
      ++value;
    }
  }
}

// Each item waits for the other, so neither thread can do both.
TEST(ThreadTeam, WorksAtTheSameTime) {
  ThreadTeam team(2);
  std::atomic<int> arrived{0};
  team.ForEach(2, [&](std::int64_t) {
    ++arrived;
    while (arrived < 2) std::this_thread::yield();
  });
  EXPECT_EQ(arrived, 2);
}

TEST(PartBegin, PartsMeetAndCoverAll) {
  for (const std::int64_t whole : {0, 1, 5, 784}) {
    EXPECT_EQ(PartBegin(whole, 0, 3), 0);
    EXPECT_EQ(PartBegin(whole, 3, 3), whole);
    EXPECT_LE(PartBegin(whole, 1, 3), PartBegin(whole, 2, 3));
  }
}

}  // namespace
}  // namespace trainyard

#include "server/workers/slot_queue.h"

#include <gtest/gtest.h>

#include <string>

namespace trainyard::server {
namespace {

class SlotQueueTest : public ::testing::Test {
 protected:
  void Submit(const std::string& user, const std::string& task, bool starts = true) {
    queue_.Submit(user, [this, task, starts] {
      begun_ += task + " ";
      return starts;
    });
  }

  SlotQueue queue_{1};
  std::string begun_;
};

TEST_F(SlotQueueTest, UsersTakeTurnsAndEachOnesAreInTheirOrder) {
  for (const char* task : {"a1", "a2", "a3"}) Submit("a", task);
  Submit("b", "b1");
  Submit("b", "b2");
  EXPECT_EQ(begun_, "a1 ");
  for (int i = 0; i < 5; ++i) queue_.Release();
  EXPECT_EQ(begun_, "a1 a2 b1 a3 b2 ");
  Submit("a", "a4");
  EXPECT_EQ(begun_, "a1 a2 b1 a3 b2 a4 ");
}

TEST_F(SlotQueueTest, WhatIsNotWantedAnyMoreTakesNoSlot) {
  Submit("a", "a1", false);
  Submit("a", "a2");
  EXPECT_EQ(begun_, "a1 a2 ");
  Submit("a", "a3", false);
  Submit("b", "b1");
  queue_.Release();
  EXPECT_EQ(begun_, "a1 a2 a3 b1 ");
}

}  // namespace
}  // namespace trainyard::server

#include "client/lib/login.h"

#include <gtest/gtest.h>

namespace trainyard::client {
namespace {

TEST(Loopback, IsAnAddressAndNotANameThatLooksLikeOne) {
  for (const char* address : {"localhost:7700", "127.0.0.1:1", "127.9.9.9:1", "[::1]:1"}) {
    EXPECT_TRUE(IsLoopback(address)) << address;
  }
  for (const char* address :
       {"lab:7700", "127.example.org:1", "10.0.0.1:1", "0.0.0.0:1", "[::]:1", "127.0.0.1.x:1"}) {
    EXPECT_FALSE(IsLoopback(address)) << address;
  }
}

}  // namespace
}  // namespace trainyard::client

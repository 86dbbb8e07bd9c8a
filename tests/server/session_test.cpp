// How long a worker's session does without a server.
#include "server/worker/session.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>

#include "server/store/layout.h"
#include "tests/support/temp_folder.h"
#include "tests/support/worker_server.h"

namespace trainyard::server {
namespace {

using Clock = std::chrono::steady_clock;
using Messages = std::vector<worker::v1::WorkerMessage>;

class SessionTest : public testing::Test {
 protected:
  SessionTest() : layout_(folder_.path()) { EXPECT_TRUE(layout_.Create().ok()); }

  void StartServer() {
    server_.reset();
    worker::v1::ServerMessage task;
    task.mutable_train();
    server_ = std::make_unique<WorkerServer>(layout_.WorkerSocket(), task);
  }

  // One whose first report has been acknowledged.
  std::unique_ptr<Session> Attached(Session::Clock clock) {
    StartServer();
    auto session =
        std::make_unique<Session>(folder_.path(), "users/local/jobs/j", 1, std::move(clock));
    EXPECT_TRUE(session->Next().has_value());
    session->Report({});
    EXPECT_TRUE(session->Finish({}));
    return session;
  }

  TempFolder folder_;
  const Layout layout_;
  std::unique_ptr<WorkerServer> server_;
};

TEST_F(SessionTest, OneThatHadItsServerForAnHourAttachesToTheNext) {
  std::atomic<int> minutes = 0;
  const auto session =
      Attached([&] { return Clock::time_point() + std::chrono::minutes(minutes); });
  minutes = 60;
  StartServer();
  EXPECT_TRUE(server_->WaitFor(
      [](const Messages& seen) { return !seen.empty() && seen.front().hello().again(); }));
  EXPECT_FALSE(session->broken());
}

TEST_F(SessionTest, OneWithoutAServerForTenMinutesEnds) {
  // Each look at the clock is a minute after the one before.
  std::atomic<int> minutes = 0;
  const auto session =
      Attached([&] { return Clock::time_point() + std::chrono::minutes(++minutes); });
  server_->Vanish();
  EXPECT_FALSE(session->Next().has_value());
  EXPECT_TRUE(session->broken());
}

}  // namespace
}  // namespace trainyard::server

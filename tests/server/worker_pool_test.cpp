// What the pool does with workers that do not end.
#include "server/workers/worker_pool.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/support/fake_executor.h"

namespace trainyard::server {
namespace {

// Says that its worker ends by itself.
class PatientTask final : public WorkerTask {
 public:
  explicit PatientTask(std::vector<std::string>& ends) : ends_(ends) {}
  absl::Status OnAttach(std::shared_ptr<WorkerLink>, bool) override { return absl::OkStatus(); }
  absl::Status OnMessage(const worker::v1::WorkerMessage&) override { return absl::OkStatus(); }
  bool Done() const override { return false; }
  bool OnDrain() override { return true; }
  void OnEnd(const std::string& how, bool) override { ends_.push_back(how); }

 private:
  std::vector<std::string>& ends_;
};

TEST(WorkerPool, DrainingKillsWhatDoesNotEndAndGivesUpOnWhatCannotBeKilled) {
  std::vector<std::string> ends;
  FakeExecutor executor;
  WorkerPool pool(executor, std::chrono::milliseconds(1));
  ASSERT_TRUE(pool.Start("users/local/jobs/j", 1, {}, std::make_shared<PatientTask>(ends)).ok());
  EXPECT_FALSE(pool.Drain());
  EXPECT_EQ(executor.killed(), std::vector<std::string>{"users/local/jobs/j"});
  EXPECT_GE(executor.hurried, 1);
  EXPECT_TRUE(ends.empty());
  executor.ExitAll("was killed by signal 9");
  EXPECT_TRUE(pool.Drain());
  EXPECT_EQ(ends, std::vector<std::string>{"was killed by signal 9"});
}

}  // namespace
}  // namespace trainyard::server

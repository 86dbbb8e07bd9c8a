// A job from its creation to its end, its log, and what is read of it.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "core/base/error.h"
#include "core/base/text.h"
#include "server/store/worker_lock.h"
#include "tests/support/job_service.h"

namespace trainyard::server {
namespace {

using Job = v1::TrainingJob;
using Kind = worker::v1::TrainingOutcome;

TEST_F(JobServiceTest, AJobRunsAndItsLogHasEveryStep) {
  ASSERT_TRUE(jobs_->Create(me_, Request("j")).ok());
  ASSERT_TRUE(executor_.WaitForStarts(1));
  EXPECT_TRUE(Play("j", 1, {Epoch(1, 2.0), Epoch(2, 1.0), Outcome(Kind::SUCCEEDED)}).ok());
  EXPECT_EQ(Log("j"), "QUEUED RUNNING epoch1 epoch2 SUCCEEDED ");
  EXPECT_EQ(Get("j").epochs_completed(), 2);
}

TEST_F(JobServiceTest, AReportIsAcknowledgedAfterItIsDurable) {
  ASSERT_TRUE(jobs_->Create(me_, Request("j")).ok());
  ASSERT_TRUE(executor_.WaitForStarts(1));
  auto link = std::make_shared<FakeLink>();
  EXPECT_TRUE(Play("j", 1, {Epoch(1, 2.0)}, link).ok());
  ASSERT_EQ(link->sent().size(), 2u);
  EXPECT_TRUE(link->sent()[0].has_train());
  EXPECT_EQ(link->sent()[1].acknowledged().number(), 1);
  EXPECT_EQ(Get("j").epochs_completed(), 1);
}

TEST_F(JobServiceTest, ALostWorkerIsReplacedAndAReplayedEpochIsTheSameEpoch) {
  ASSERT_TRUE(jobs_->Create(me_, Request("j")).ok());
  ASSERT_TRUE(executor_.WaitForStarts(1));
  EXPECT_TRUE(Play("j", 1, {Epoch(1, 2.0)}).ok());
  executor_.ExitAll("was killed by signal 9");
  ASSERT_TRUE(executor_.WaitForStarts(2));
  EXPECT_TRUE(Play("j", 2, {Epoch(1, 2.0), Epoch(2, 1.0), Outcome(Kind::SUCCEEDED)}).ok());
  EXPECT_EQ(Log("j"), "QUEUED RUNNING epoch1 QUEUED RUNNING epoch2 SUCCEEDED ");
  EXPECT_EQ(Get("j").attempt(), 2);
}

TEST_F(JobServiceTest, EnergyIsAddedUpAndAReplayedEpochsOnce) {
  ASSERT_TRUE(jobs_->Create(me_, Request("j")).ok());
  ASSERT_TRUE(executor_.WaitForStarts(1));
  auto link = std::make_shared<FakeLink>();
  EXPECT_TRUE(Play("j", 1, {Epoch(1, 2.0)}, link).ok());
  EXPECT_EQ(link->sent()[0].train().watts_per_core(), 10);
  EXPECT_EQ(Get("j").energy_joules(), 3);
  EXPECT_EQ(Get("j").energy_source(), v1::MEASURED);
  executor_.ExitAll("was killed by signal 9");
  ASSERT_TRUE(executor_.WaitForStarts(2));
  auto second = Epoch(2, 1.0);
  second.mutable_report()->mutable_facts(0)->mutable_epoch()->set_energy_source(v1::ESTIMATED);
  EXPECT_TRUE(Play("j", 2, {Epoch(1, 2.0), second, Outcome(Kind::SUCCEEDED)}).ok());
  EXPECT_EQ(Get("j").energy_joules(), 6);
  EXPECT_EQ(Get("j").energy_source(), v1::ESTIMATED);
}

TEST_F(JobServiceTest, AReplayedEpochWithAnotherCostIsSaidSo) {
  ASSERT_TRUE(jobs_->Create(me_, Request("j")).ok());
  ASSERT_TRUE(executor_.WaitForStarts(1));
  EXPECT_TRUE(Play("j", 1, {Epoch(1, 2.0)}).ok());
  executor_.ExitAll("was killed by signal 9");
  ASSERT_TRUE(executor_.WaitForStarts(2));
  EXPECT_TRUE(Play("j", 2, {Epoch(1, 2.5)}).ok());
  EXPECT_EQ(Log("j"), "QUEUED RUNNING epoch1 QUEUED RUNNING REPLAY_DIFFERS ");
}

TEST_F(JobServiceTest, AnOldAttemptIsRefused) {
  ASSERT_TRUE(jobs_->Create(me_, Request("j")).ok());
  ASSERT_TRUE(executor_.WaitForStarts(1));
  executor_.ExitAll("was killed by signal 9");
  ASSERT_TRUE(executor_.WaitForStarts(2));
  EXPECT_EQ(Play("j", 1, {Epoch(1, 2.0)}).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(Get("j").epochs_completed(), 0);
}

// The pool tells attempts apart, too; what is written is decided where it is written.
TEST_F(JobServiceTest, AReportOfAnAttemptThatTheRecordDoesNotHaveChangesNothing) {
  ASSERT_TRUE(jobs_->Create(me_, Request("j")).ok());
  ASSERT_TRUE(executor_.WaitForStarts(1));
  const auto next_attempt = [](Transaction& transaction) -> absl::Status {
    auto edit = JobEdit::Load(transaction, "users/local/jobs/j");
    if (!edit.ok()) return edit.status();
    edit->job().set_attempt(2);
    return edit->Save();
  };
  ASSERT_TRUE(store_->Commit(next_attempt).ok());
  EXPECT_EQ(Play("j", 1, {Epoch(1, 2.0)}).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(Log("j"), "QUEUED RUNNING ");
  EXPECT_EQ(Get("j").epochs_completed(), 0);
}

TEST_F(JobServiceTest, AWorkerThatHasEndedLeavesNothingThatNobodyKnows) {
  const Job job = *jobs_->Create(me_, Request("j"));
  ASSERT_TRUE(executor_.WaitForStarts(1));
  const auto leave = [&](const std::string& file) {
    std::ofstream(layout_.Checkpoints(job.uid()) / file) << "weights";
    std::ofstream(layout_.WorkerLock(job.uid())) << "1\n";
  };
  const auto left = [&] {
    std::string files = std::filesystem::exists(layout_.WorkerLock(job.uid())) ? "lock " : "";
    for (const auto& entry : std::filesystem::directory_iterator(layout_.Checkpoints(job.uid()))) {
      files += entry.path().filename().string() + " ";
    }
    return files;
  };
  leave("1-0-a1-known.safetensors");
  leave("2-0-a1-unheard-of.safetensors");
  leave("3-0-a1.tmp");
  auto checkpoint = Epoch(1, 2.0);
  auto& written = *checkpoint.mutable_report()->add_facts()->mutable_checkpoint();
  written.set_epoch(1);
  written.set_file("1-0-a1-known.safetensors");
  EXPECT_TRUE(Play("j", 1, {checkpoint}).ok());
  executor_.ExitAll("was killed by signal 9");
  ASSERT_TRUE(executor_.WaitForStarts(2));
  EXPECT_EQ(left(), "1-0-a1-known.safetensors ");
  // Nor where the server is gone before it has seen the end.
  leave("2-0-a2.tmp");
  std::ofstream(layout_.WorkerLock("of-a-job-that-was-deleted")) << "1\n";
  EXPECT_TRUE(Play("j", 2, {Outcome(Kind::SUCCEEDED)}).ok());
  Serve();
  EXPECT_EQ(left(), "1-0-a1-known.safetensors ");
  EXPECT_FALSE(std::filesystem::exists(layout_.WorkerLock("of-a-job-that-was-deleted")));
}

// It has told its outcome to a server that was killed before it could say so.
TEST_F(JobServiceTest, AWorkerOfAJobThatDoesNotRunEndsWithTheNextServer) {
  const Job job = *jobs_->Create(me_, Request("j"));
  ASSERT_TRUE(executor_.WaitForStarts(1));
  EXPECT_TRUE(Play("j", 1, {Outcome(Kind::PAUSED)}).ok());
  const auto lock = WorkerLock::Acquire(layout_, job.uid());
  ASSERT_TRUE(lock.ok());
  Serve();
  EXPECT_EQ(executor_.killed(), std::vector<std::string>{StrCat("adopted ", ::getpid())});
}

TEST_F(JobServiceTest, AJobWhoseWorkersAreAllLostFails) {
  ASSERT_TRUE(jobs_->Create(me_, Request("j")).ok());
  for (int attempt = 1; attempt <= 20; ++attempt) {
    ASSERT_TRUE(executor_.WaitForStarts(attempt));
    executor_.ExitAll("was killed by signal 9");
  }
  const Job job = Get("j");
  EXPECT_EQ(job.state(), Job::FAILED);
  EXPECT_NE(job.error().message().find("killed by signal 9"), std::string::npos);
}

TEST_F(JobServiceTest, CancellingReachesTheWorkerBeforeAndAfterItAttaches) {
  ASSERT_TRUE(jobs_->Create(me_, Request("j")).ok());
  ASSERT_TRUE(executor_.WaitForStarts(1));
  v1::CancelTrainingJobRequest cancel;
  cancel.set_name("users/me/jobs/j");
  auto cancelling = jobs_->Cancel(me_, cancel);
  ASSERT_TRUE(cancelling.ok());
  EXPECT_EQ(cancelling->state(), Job::CANCELLING);
  auto link = std::make_shared<FakeLink>();
  EXPECT_TRUE(Play("j", 1, {Outcome(Kind::CANCELLED)}, link).ok());
  ASSERT_EQ(link->sent().size(), 2u);
  EXPECT_TRUE(link->sent()[1].has_cancel());
  EXPECT_EQ(Get("j").state(), Job::CANCELLED);
  EXPECT_EQ(jobs_->Cancel(me_, cancel).status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(JobServiceTest, APausedJobWaitsWithoutASlotAndIsResumed) {
  ASSERT_TRUE(jobs_->Create(me_, Request("j")).ok());
  ASSERT_TRUE(executor_.WaitForStarts(1));
  v1::PauseTrainingJobRequest pause;
  pause.set_name("users/me/jobs/j");
  EXPECT_EQ(jobs_->Pause(me_, pause)->state(), Job::PAUSING);
  auto link = std::make_shared<FakeLink>();
  EXPECT_TRUE(Play("j", 1, {Epoch(1, 2.0), Outcome(Kind::PAUSED)}, link).ok());
  EXPECT_TRUE(link->sent()[1].has_pause());
  EXPECT_EQ(Get("j").state(), Job::PAUSED);
  executor_.ExitAll("exited with code 0");
  // The one slot is free.
  ASSERT_TRUE(jobs_->Create(me_, Request("other")).ok());
  ASSERT_TRUE(executor_.WaitForStarts(2));
  EXPECT_TRUE(Play("other", 1, {Outcome(Kind::SUCCEEDED)}).ok());
  executor_.ExitAll("exited with code 0");
  v1::ResumeTrainingJobRequest resume;
  resume.set_name("users/me/jobs/j");
  EXPECT_EQ(jobs_->Resume(me_, resume)->state(), Job::QUEUED);
  ASSERT_TRUE(executor_.WaitForStarts(3));
  EXPECT_TRUE(Play("j", 2, {Epoch(2, 1.0), Outcome(Kind::SUCCEEDED)}).ok());
  EXPECT_EQ(Log("j"), "QUEUED RUNNING PAUSING epoch1 PAUSED QUEUED RUNNING epoch2 SUCCEEDED ");
}

TEST_F(JobServiceTest, ACancellationAfterAPauseHasTheLastWord) {
  ASSERT_TRUE(jobs_->Create(me_, Request("j")).ok());
  ASSERT_TRUE(executor_.WaitForStarts(1));
  v1::PauseTrainingJobRequest pause;
  pause.set_name("users/me/jobs/j");
  ASSERT_TRUE(jobs_->Pause(me_, pause).ok());
  v1::CancelTrainingJobRequest cancel;
  cancel.set_name("users/me/jobs/j");
  EXPECT_EQ(jobs_->Cancel(me_, cancel)->state(), Job::CANCELLING);
  EXPECT_TRUE(Play("j", 1, {Outcome(Kind::PAUSED)}).ok());
  EXPECT_EQ(Get("j").state(), Job::CANCELLED);
}

TEST_F(JobServiceTest, AWorkerLostWhilePausingLeavesThePause) {
  ASSERT_TRUE(jobs_->Create(me_, Request("j")).ok());
  ASSERT_TRUE(executor_.WaitForStarts(1));
  v1::PauseTrainingJobRequest pause;
  pause.set_name("users/me/jobs/j");
  ASSERT_TRUE(jobs_->Pause(me_, pause).ok());
  executor_.ExitAll("was killed by signal 9");
  EXPECT_EQ(Get("j").state(), Job::PAUSED);
}

TEST_F(JobServiceTest, UsageIsChargedOnceAndSurvivesARestart) {
  ASSERT_TRUE(jobs_->Create(me_, Request("j")).ok());
  ASSERT_TRUE(executor_.WaitForStarts(1));
  EXPECT_TRUE(Play("j", 1, {Epoch(1, 2.0), Epoch(1, 2.0), Outcome(Kind::SUCCEEDED)}).ok());
  executor_.ExitAll("exited with code 0");
  const double used = jobs_->UsageOf("users/local");
  EXPECT_GT(used, 0);
  jobs_->Close();
  ASSERT_TRUE(pool_->Drain());
  jobs_.reset();
  pool_.reset();
  Serve();
  EXPECT_DOUBLE_EQ(jobs_->UsageOf("users/local"), used);
  EXPECT_EQ(jobs_->UsageOf("users/nobody"), 0);
}

TEST_F(JobServiceTest, TheQueueShowsOthersAsCountsAndStaffTheirNames) {
  for (const char* id : {"a", "b"}) ASSERT_TRUE(jobs_->Create(me_, Request(id)).ok());
  ASSERT_TRUE(executor_.WaitForStarts(1));
  const auto student = jobs_->GetQueue({"users/other", v1::STUDENT}, {});
  ASSERT_TRUE(student.ok());
  EXPECT_EQ(student->entries_size(), 0);
  EXPECT_EQ(student->slots(), 1);
  EXPECT_EQ(student->running_count(), 1);
  EXPECT_EQ(student->queued_count(), 1);
  EXPECT_EQ(student->user_count(), 1);
  const auto staff = jobs_->GetQueue({"users/prof", v1::INSTRUCTOR}, {});
  ASSERT_EQ(staff->entries_size(), 2);
  EXPECT_TRUE(staff->entries(0).running());
  EXPECT_EQ(staff->entries(1).job(), "users/local/jobs/b");
  EXPECT_EQ(staff->entries(1).position(), 1);
  EXPECT_EQ(staff->entries(1).reason(), "1 of 1 slots are busy; it is next");
  EXPECT_TRUE(Get("b").has_queue_wait_seconds());
}

TEST_F(JobServiceTest, ARetriedCreateReturnsTheFirstAnswerAndMakesOneJob) {
  auto request = Request("j");
  request.set_request_id("once");
  auto first = jobs_->Create(me_, request);
  auto second = jobs_->Create(me_, request);
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(first->uid(), second->uid());
  request.mutable_job()->mutable_spec()->set_epochs(3);
  EXPECT_EQ(GetErrorDetails(jobs_->Create(me_, request).status()).reason, "REQUEST_ID_REUSED");
}

TEST_F(JobServiceTest, ADryRunMakesNothing) {
  auto request = Request("j");
  request.set_validate_only(true);
  auto answer = jobs_->Create(me_, request);
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->estimate().parameter_count(), 6);
  EXPECT_GT(answer->estimate().memory_bytes(), 0);
  v1::ListTrainingJobsRequest list;
  list.set_parent("users/me");
  EXPECT_EQ(jobs_->List(me_, list)->jobs_size(), 0);
}

TEST_F(JobServiceTest, AnotherUsersJobIsNotThere) {
  ASSERT_TRUE(jobs_->Create(me_, Request("j")).ok());
  v1::GetTrainingJobRequest request;
  request.set_name("users/local/jobs/j");
  EXPECT_EQ(jobs_->Get({"users/other"}, request).status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace trainyard::server

// Training jobs: created by users, run by workers, kept in the store.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <unordered_map>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/events/event_hub.h"
#include "server/jobs/job_log.h"
#include "server/jobs/scheduler.h"
#include "server/resources/names.h"
#include "server/resources/quota.h"
#include "server/store/layout.h"
#include "server/store/store.h"
#include "server/workers/worker_pool.h"
#include "trainyard/v1/admin.pb.h"
#include "trainyard/v1/training.pb.h"
#include "trainyard/worker/v1/worker.pb.h"

namespace trainyard {
struct NetworkSpec;
}

namespace trainyard::server {

struct Mutation;
struct TrainingRequest;

struct JobOptions {
  // Jobs that run at once.
  int slots = 1;
  // What workers estimate energy with.
  double watts_per_core = 0;
  // Newest events that are kept of each job; all where it is 0.
  std::int64_t keep_events = 0;
  // Unset is without bounds.
  QuotaOf quota_of = {};
  // Seconds after which a job gives way to those that are before it.
  double quantum = 30;
};

// Owns every job's state: nobody else changes it. Each change and its event are
// one transaction, announced to watchers after it is durable. Any thread.
class JobService {
 public:
  JobService(const Layout& layout, Store& store, EventHub& hub, WorkerPool& pool,
             const JobOptions& options);
  ~JobService();

  // Puts the jobs of an earlier server where they were. Not before it may workers
  // attach: one whose job is not expected yet would be refused, and end.
  absl::Status Recover();
  // Begins to run: workers can attach.
  void Open();
  // Starts no more jobs.
  void Close();

  // The calls of TrainingService; errors as its proto says.
  absl::StatusOr<v1::TrainingJob> Create(const Caller& caller,
                                         const v1::CreateTrainingJobRequest& request);
  absl::StatusOr<v1::TrainingJob> Get(const Caller& caller,
                                      const v1::GetTrainingJobRequest& request);
  absl::StatusOr<v1::ListTrainingJobsResponse> List(const Caller& caller,
                                                    const v1::ListTrainingJobsRequest& request);
  absl::Status Delete(const Caller& caller, const v1::DeleteTrainingJobRequest& request);
  absl::StatusOr<v1::TrainingJob> Cancel(const Caller& caller,
                                         const v1::CancelTrainingJobRequest& request);
  absl::StatusOr<v1::TrainingJob> Pause(const Caller& caller,
                                        const v1::PauseTrainingJobRequest& request);
  absl::StatusOr<v1::TrainingJob> Resume(const Caller& caller,
                                         const v1::ResumeTrainingJobRequest& request);
  absl::StatusOr<v1::TrainingJob> Fork(const Caller& caller,
                                       const v1::ForkTrainingJobRequest& request);
  absl::StatusOr<v1::TrainingJob> Verify(const Caller& caller,
                                         const v1::VerifyTrainingJobRequest& request);
  absl::StatusOr<v1::ListTrainingEventsResponse> ListEvents(
      const Caller& caller, const v1::ListTrainingEventsRequest& request);

  // AdminService's: the caller's jobs, and for staff everybody's, among counts.
  absl::StatusOr<v1::Queue> GetQueue(const Caller& caller, const v1::GetQueueRequest& request);
  // CPU seconds that the jobs of users/{user} have had since midnight UTC.
  double UsageOf(const std::string& user) const;

  // Appends an EvaluationCompleted to a job's log, within `transaction`.
  static absl::StatusOr<JobEdit> AppendEvaluation(Transaction& transaction,
                                                  const std::string& job_name,
                                                  const std::string& job_uid,
                                                  const v1::EvaluationCompleted& completed);
  // Tells watchers what an edit appended; call after the commit.
  void Announce(JobEdit& edit);

 private:
  // The worker of one attempt.
  class TrainingTask;

  // Runs `change` on a job in one transaction and announces what it appended.
  absl::Status Change(const std::string& name, const std::string& uid,
                      const std::function<absl::Status(JobEdit&)>& change,
                      Store::WhenFull when_full = Store::WhenFull::kFail);
  // Whether its user may have one more job that waits, and what it will keep.
  absl::Status CheckRoom(Reader& reader, const store::v1::JobRecord& record);
  // A priority that goes before other people's jobs is not everybody's.
  static absl::Status CheckPriority(const Caller& caller, const std::string& field,
                                    const v1::TrainingJobSpec& spec);
  absl::Status Prepare(Transaction& transaction, const Caller& caller,
                       const v1::CreateTrainingJobRequest& request, store::v1::JobRecord& record);
  // Copies weights that a user gave with the network to the job.
  static absl::Status KeepGivenWeights(Transaction& transaction, const v1::TrainingJob& job);
  absl::Status AddGivenWeights(const std::string& uid, worker::v1::TrainTask& task);
  // Whether a job is small enough for this machine.
  static absl::Status CheckSize(const NetworkSpec& network, const TrainingRequest& training,
                                std::int64_t rows);
  // Moves a job as `request` asks and tells its worker, if it has one.
  template <typename Request>
  absl::StatusOr<v1::TrainingJob> Move(
      const Caller& caller, std::string_view method, const Request& request,
      const std::function<absl::Status(Transaction&, JobEdit&)>& move);
  // Whether `caller` may still train on what a job was trained on.
  static absl::Status CheckData(Reader& reader, const Caller& caller,
                                const store::v1::JobRecord& record);
  absl::Status PrepareFork(Transaction& transaction, const Caller& caller,
                           const v1::ForkTrainingJobRequest& request,
                           const store::v1::KeptCheckpoint& from, store::v1::JobRecord& record);
  // Makes a job whose folder, below `uid`, may hold a checkpoint already: it is
  // removed where no job is made. `prepare` fills in the record but for its uid.
  absl::StatusOr<v1::TrainingJob> CreateFrom(
      const Mutation& mutation, const std::string& uid,
      const std::function<absl::Status(Transaction&, store::v1::JobRecord&)>& prepare);
  std::shared_ptr<TrainingTask> TaskOf(const std::string& uid);
  void FillEstimate(Reader& reader, v1::TrainingJob& job);
  void FillQueue(v1::TrainingJob& job) const;

  static LimitsOf LimitsFrom(const QuotaOf& quota_of);
  // About how long a job trains yet.
  static double SecondsLeft(Reader& reader, const v1::TrainingJob& job);
  // A job for the scheduler, which knows its user then.
  QueuedJob ToQueue(const v1::TrainingJob& job);
  // Charges a job's user with the time since the last charge, unless it does not
  // count; a little is left for the next charge, unless `at_once`. Returns what
  // the scheduler is to be told of, by NoteCharge, after the commit.
  absl::StatusOr<double> ChargeUser(Transaction& transaction, JobEdit& edit, bool counts,
                                    bool at_once) const;
  void NoteCharge(const v1::TrainingJob& job, double seconds);
  // Called by the scheduler: asks a worker to pause.
  void Preempt(const Preemption& preemption);

  // Called by the scheduler: RUNNING, attempt + 1, and a worker.
  bool Dispatch(const QueuedJob& queued);
  v1::TrainingJob::State StateOf(const QueuedJob& key);
  // Removes what jobs left that are not there, and ends workers of those that do not
  // run.
  absl::Status Sweep();
  void EndStray(const std::string& uid);
  // After a worker's end: removes what it wrote and nobody heard of, and its lock.
  void Tidy(const QueuedJob& key);
  // Whether a worker of an earlier server is expected to attach again.
  bool Adopt(const store::v1::JobRecord& record);
  // Called by the task of an attempt.
  absl::StatusOr<std::int64_t> LastReport(const QueuedJob& key, int attempt);
  absl::Status Report(const QueuedJob& key, int attempt, const worker::v1::TrainingReport& report);
  // Waits for space on a full disk, but for a job that is being cancelled: that
  // gives space back soon, and uses the reserve.
  absl::Status CommitWhenPossible(const QueuedJob& key,
                                  const std::function<absl::Status(Transaction&)>& work);
  absl::Status Finish(const QueuedJob& key, int attempt,
                      const worker::v1::TrainingOutcome& outcome);
  void Lost(const QueuedJob& key, int attempt, const std::string& how, bool draining);
  void Forget(const std::string& uid, const TrainingTask* task);
  // Trims a log that has become a tenth longer than what is kept.
  void TrimLog(const QueuedJob& key, const v1::TrainingJob& job);
  // Removes the files of checkpoints that a record had `before` and has no more. A
  // file that it has never had may be one that a worker is about to report.
  void RemoveDropped(const store::v1::JobRecord& record, const std::set<std::string>& before);
  // Removes all that a record does not have. Only while no worker writes.
  void RemoveUnkept(const store::v1::JobRecord& record);

  const Layout& layout_;
  Store& store_;
  EventHub& hub_;
  WorkerPool& pool_;

  std::mutex mutex_;
  std::unordered_map<std::string, std::shared_ptr<TrainingTask>>
      tasks_;  // by uid; guarded by mutex_
  const JobOptions options_;
  Scheduler scheduler_;  // last: its thread uses all of the above
};

}  // namespace trainyard::server

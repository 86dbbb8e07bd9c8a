// What the scheduler and workers do to jobs.
#include <spdlog/spdlog.h>

#include <algorithm>
#include <bit>
#include <filesystem>
#include <set>
#include <utility>

#include "core/base/error.h"
#include "core/base/file.h"
#include "core/base/text.h"
#include "server/convert/network.h"
#include "server/convert/status.h"
#include "server/jobs/job_service.h"
#include "server/jobs/kept_checkpoints.h"
#include "server/jobs/speed.h"
#include "server/jobs/training_task.h"
#include "server/resources/clock.h"
#include "server/store/worker_lock.h"

namespace trainyard::server {
namespace {

using Job = v1::TrainingJob;

constexpr int kMaxLostAttempts = 20;

worker::v1::ServerMessage MessageOf(const store::v1::JobRecord& record, double watts_per_core) {
  worker::v1::ServerMessage message;
  worker::v1::TrainTask& task = *message.mutable_train();
  const Job& job = record.job();
  task.set_uid(job.uid());
  task.set_watts_per_core(watts_per_core);
  *task.mutable_spec() = job.spec();
  *task.mutable_network() = job.network_spec();
  *task.mutable_dataset() = record.dataset();
  if (record.has_validation_dataset()) {
    *task.mutable_validation_dataset() = record.validation_dataset();
  }
  for (auto one = record.checkpoints().rbegin(); one != record.checkpoints().rend(); ++one) {
    task.add_resume_paths(Layout::RelativeCheckpoint(job.uid(), one->file()));
  }
  task.set_forked(job.has_forked_from());
  return message;
}

// What a worker has to attach again after a restart.
constexpr std::chrono::seconds kLease{10};

absl::Status NotCurrent(const std::string& name, int attempt) {
  return MakeError(absl::StatusCode::kFailedPrecondition, {"ATTEMPT_REFUSED", "", {}},
                   StrCat("attempt ", attempt, " of ", name, " is not the current one"));
}

// An attempt may speak for its job while it is the current one and runs.
bool IsCurrent(JobEdit& edit, int attempt) {
  return edit.job().attempt() == attempt &&
         (edit.job().state() == Job::RUNNING || edit.job().state() == Job::CANCELLING ||
          edit.job().state() == Job::PAUSING);
}

// A replayed epoch is the same epoch: it must have the same cost, to the bit.
absl::Status CheckReplay(Transaction& transaction, JobEdit& edit, const v1::EpochCompleted& epoch) {
  auto earlier = transaction.EpochEvent(edit.uid(), epoch.epoch());
  if (!earlier.ok()) return earlier.status();
  // Trimmed.
  if (!earlier->has_value()) return absl::OkStatus();
  v1::TrainingEvent event;
  event.ParseFromString((*earlier)->body);
  if (std::bit_cast<std::uint64_t>(event.epoch().cost()) ==
      std::bit_cast<std::uint64_t>(epoch.cost())) {
    return absl::OkStatus();
  }
  spdlog::error("{}: epoch {} was replayed with cost {} instead of {}", edit.job().name(),
                epoch.epoch(), epoch.cost(), event.epoch().cost());
  v1::TrainingEvent warning;
  warning.mutable_warning()->set_reason("REPLAY_DIFFERS");
  warning.mutable_warning()->set_message(
      StrCat("epoch ", epoch.epoch(), " was trained again after a worker was lost and came ",
             "out with another cost; the first one stands in the log"));
  return edit.Append(std::move(warning));
}

// Only of epochs that are new: a replayed one has been counted.
void AddEnergy(const v1::EpochCompleted& epoch, Job& job) {
  job.set_energy_joules(job.energy_joules() + epoch.energy_joules());
  if (job.energy_source() != v1::ESTIMATED) job.set_energy_source(epoch.energy_source());
}

absl::Status ApplyEpoch(Transaction& transaction, JobEdit& edit, const v1::EpochCompleted& epoch) {
  if (epoch.epoch() <= edit.job().epochs_completed()) {
    return CheckReplay(transaction, edit, epoch);
  }
  if (epoch.epoch() != edit.job().epochs_completed() + 1) {
    return MakeError(absl::StatusCode::kInternal, {"EPOCH_GAP", "", {}},
                     StrCat("a worker of ", edit.job().name(), " reported epoch ", epoch.epoch(),
                            " after ", edit.job().epochs_completed()));
  }
  edit.job().set_epochs_completed(epoch.epoch());
  *edit.job().mutable_last_epoch() = epoch;
  AddEnergy(epoch, edit.job());
  v1::TrainingEvent event;
  *event.mutable_epoch() = epoch;
  return edit.Append(std::move(event));
}

std::set<std::string> FilesOf(const store::v1::JobRecord& record) {
  std::set<std::string> files;
  for (const auto& checkpoint : record.checkpoints()) files.insert(checkpoint.file());
  return files;
}

absl::Status ApplyCheckpoint(JobEdit& edit, const worker::v1::Checkpoint& checkpoint) {
  if (!KeepCheckpoint(checkpoint, edit.record())) return absl::OkStatus();
  edit.record().set_lost_attempts(0);
  // Those within an epoch are for going on, and nobody's to ask for.
  if (checkpoint.sample() > 0) return absl::OkStatus();
  v1::TrainingEvent event;
  event.mutable_checkpoint()->set_epoch(checkpoint.epoch());
  event.mutable_checkpoint()->set_weights_digest(checkpoint.weights_digest());
  event.mutable_checkpoint()->set_size_bytes(checkpoint.size_bytes());
  return edit.Append(std::move(event));
}

absl::Status Apply(Transaction& transaction, JobEdit& edit, const worker::v1::TrainingFact& fact) {
  switch (fact.kind_case()) {
    case worker::v1::TrainingFact::kStarted:
      edit.job().set_kernel_variant(fact.started().kernel_variant());
      return absl::OkStatus();
    case worker::v1::TrainingFact::kEpoch:
      return ApplyEpoch(transaction, edit, fact.epoch());
    case worker::v1::TrainingFact::kCheckpoint:
      return ApplyCheckpoint(edit, fact.checkpoint());
    case worker::v1::TrainingFact::kWarning: {
      v1::TrainingEvent event;
      *event.mutable_warning() = fact.warning();
      return edit.Append(std::move(event));
    }
    case worker::v1::TrainingFact::KIND_NOT_SET:
      break;
  }
  return absl::InternalError("a worker reported a fact of no known kind");
}

// A pause that the user did not ask for is the server's: the job waits for its
// turn again.
Job::State StateAfter(worker::v1::TrainingOutcome::Kind kind, Job::State state) {
  using Outcome = worker::v1::TrainingOutcome;
  switch (kind) {
    case Outcome::CANCELLED:
      return Job::CANCELLED;
    case Outcome::FAILED:
      return Job::FAILED;
    case Outcome::PAUSED:
      if (state == Job::CANCELLING) return Job::CANCELLED;
      return state == Job::PAUSING ? Job::PAUSED : Job::QUEUED;
    default:
      return Job::SUCCEEDED;
  }
}

}  // namespace

// A fork's folder is there before the fork is, and a job's after its row is gone.
absl::Status JobService::SweepFolders() {
  std::set<std::string> known;
  const auto status = store_.Read([&](Reader& reader) -> absl::Status {
    std::int64_t after = 0;
    while (true) {
      auto rows = reader.ListAll(ResourceKind::kJob, after, 1000);
      if (!rows.ok()) return rows.status();
      if (rows->empty()) return absl::OkStatus();
      for (const ResourceRow& row : *rows) known.insert(row.uid);
      after = rows->back().id;
    }
  });
  if (!status.ok()) return status;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(layout_.Job(""), error)) {
    if (!known.contains(entry.path().filename().string())) {
      std::filesystem::remove_all(entry.path(), error);
    }
  }
  return absl::OkStatus();
}

absl::Status JobService::Recover() {
  if (auto status = SweepFolders(); !status.ok()) return status;
  std::vector<QueuedJob> queued;
  std::vector<store::v1::JobRecord> interrupted;
  auto status = store_.Read([&](Reader& reader) -> absl::Status {
    for (const auto state : {Job::QUEUED, Job::RUNNING, Job::CANCELLING, Job::PAUSING}) {
      auto rows = reader.ListByState(ResourceKind::kJob, state);
      if (!rows.ok()) return rows.status();
      for (const ResourceRow& row : *rows) {
        if (state == Job::QUEUED) {
          queued.push_back({row.uid, row.name});
        } else {
          interrupted.emplace_back().ParseFromString(row.body);
        }
      }
    }
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  // What ran goes first: it was further on.
  for (const auto& record : interrupted) {
    if (Adopt(record)) continue;
    const QueuedJob key = {record.job().uid(), record.job().name()};
    Lost(key, record.job().attempt(), "the server was restarted", true);
    scheduler_.Enqueue(key);
  }
  for (QueuedJob& key : queued) scheduler_.Enqueue(std::move(key));
  scheduler_.Open();
  return absl::OkStatus();
}

// Its worker may have gone on without us.
bool JobService::Adopt(const store::v1::JobRecord& record) {
  const Job& job = record.job();
  const QueuedJob key = {job.uid(), job.name()};
  const std::optional<int> pid = HolderOf(layout_, key.uid);
  if (!pid) return false;
  worker::v1::ServerMessage message = MessageOf(record, options_.watts_per_core);
  if (!AddGivenWeights(key.uid, *message.mutable_train()).ok()) return false;
  auto task = std::make_shared<TrainingTask>(*this, key, job.attempt(), std::move(message));
  if (job.state() == Job::CANCELLING) task->Cancel();
  if (job.state() == Job::PAUSING) task->Pause();
  {
    const std::lock_guard lock(mutex_);
    tasks_[key.uid] = task;
  }
  scheduler_.Occupy();
  const auto status = pool_.Adopt(key.name, job.attempt(), *pid, kLease, task,
                                  [&] { return HolderOf(layout_, key.uid) == pid; });
  if (status.ok()) {
    spdlog::info("{}: waits for worker {} of attempt {}", key.name, *pid, job.attempt());
    return true;
  }
  Forget(key.uid, task.get());
  scheduler_.Release();
  return false;
}

// A cancellation that came before the task was known to Cancel.
Job::State JobService::StateOf(const QueuedJob& key) {
  auto state = Job::STATE_UNSPECIFIED;
  const auto status = store_.Read([&](Reader& reader) -> absl::Status {
    auto row = reader.Get(ResourceKind::kJob, key.name);
    if (row.ok() && row->uid == key.uid) state = static_cast<Job::State>(row->state);
    return row.status();
  });
  if (!status.ok()) spdlog::error("{}: {}", key.name, status.ToString());
  return state;
}

// A run that goes on from a checkpoint has its weights there; a fork has no
// other beginning.
absl::Status JobService::AddGivenWeights(const std::string& uid, worker::v1::TrainTask& task) {
  if (!task.network().initializer().has_weights() || task.forked()) {
    return absl::OkStatus();
  }
  return store_.Read([&](Reader& reader) -> absl::Status {
    auto weights = reader.Attachment(uid);
    if (weights.ok()) *task.mutable_initial_weights() = *std::move(weights);
    return weights.status();
  });
}

bool JobService::Dispatch(const QueuedJob& queued) {
  worker::v1::ServerMessage message;
  store::v1::JobRecord record;
  int attempt = 0;
  auto status = Change(
      queued.name, queued.uid,
      [&](JobEdit& edit) -> absl::Status {
        if (edit.job().state() != Job::QUEUED) return absl::CancelledError("no longer queued");
        attempt = edit.job().attempt() + 1;
        edit.job().set_attempt(attempt);
        edit.record().set_last_report(0);
        if (!edit.job().has_start_time()) {
          *edit.job().mutable_start_time() = Now();
        }
        message = MessageOf(edit.record(), options_.watts_per_core);
        record = edit.record();
        return edit.Enter(Job::RUNNING);
      },
      Store::WhenFull::kWait);
  if (!status.ok()) {
    if (!absl::IsCancelled(status) && !absl::IsNotFound(status)) {
      spdlog::error("{}: cannot be started: {}", queued.name, status.ToString());
    }
    return false;
  }
  status = AddGivenWeights(queued.uid, *message.mutable_train());
  if (!status.ok()) spdlog::error("{}: {}", queued.name, status.ToString());
  std::error_code error;
  do {
    std::filesystem::create_directories(layout_.Checkpoints(queued.uid), error);
  } while (error == std::errc::no_space_on_device && store_.AwaitSpace());
  // What a worker that was lost had written, and nobody heard of.
  RemoveUnkept(record);
  auto task = std::make_shared<TrainingTask>(*this, queued, attempt, std::move(message));
  {
    const std::lock_guard lock(mutex_);
    tasks_[queued.uid] = task;
  }
  do {
    status = pool_.Start(queued.name, attempt, layout_.WorkerLog(queued.uid), task);
  } while (IsDiskFull(status) && store_.AwaitSpace());
  if (status.ok()) {
    const auto state = StateOf(queued);
    if (state == Job::CANCELLING) task->Cancel();
    if (state == Job::PAUSING) task->Pause();
    return true;
  }
  Forget(queued.uid, task.get());
  Lost(queued, attempt, std::string(status.message()), absl::IsUnavailable(status));
  return false;
}

absl::StatusOr<std::int64_t> JobService::LastReport(const QueuedJob& key, int attempt) {
  std::int64_t number = 0;
  const auto status = store_.Read([&](Reader& reader) -> absl::Status {
    auto row = reader.Get(ResourceKind::kJob, key.name);
    if (!row.ok()) return row.status();
    store::v1::JobRecord record;
    record.ParseFromString(row->body);
    if (row->uid != key.uid || record.job().attempt() != attempt) {
      return NotCurrent(key.name, attempt);
    }
    number = record.last_report();
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  return number;
}

absl::Status JobService::CommitWhenPossible(const QueuedJob& key,
                                            const std::function<absl::Status(Transaction&)>& work) {
  auto status = store_.Commit(work);
  while (IsDiskFull(status)) {
    if (StateOf(key) == Job::CANCELLING) {
      status = store_.Commit(work, Store::WhenFull::kUseReserve);
    }
    if (!IsDiskFull(status) || !store_.AwaitSpace()) return status;
    status = store_.Commit(work);
  }
  return status;
}

absl::Status JobService::Report(const QueuedJob& key, int attempt,
                                const worker::v1::TrainingReport& report) {
  std::set<std::string> before;
  std::optional<JobEdit> changed;
  auto status = CommitWhenPossible(key, [&](Transaction& transaction) -> absl::Status {
    auto edit = JobEdit::Load(transaction, key.name, key.uid);
    if (!edit.ok()) return edit.status();
    if (!IsCurrent(*edit, attempt)) return NotCurrent(key.name, attempt);
    // One that was durable before the server that took it was gone.
    const bool known = report.number() <= edit->record().last_report();
    if (!known) edit->record().set_last_report(report.number());
    before = FilesOf(edit->record());
    for (int i = 0; !known && i < report.facts_size(); ++i) {
      if (auto done = Apply(transaction, *edit, report.facts(i)); !done.ok()) return done;
    }
    changed = *std::move(edit);
    return changed->Save();
  });
  if (!status.ok()) return status;
  RemoveDropped(changed->record(), before);
  Announce(*changed);
  TrimLog(key, changed->job());
  return absl::OkStatus();
}

void JobService::TrimLog(const QueuedJob& key, const Job& job) {
  const std::int64_t keep = options_.keep_events;
  const std::int64_t kept = job.last_sequence() - job.first_sequence() + 1;
  if (keep == 0 || kept <= keep + keep / 10) return;
  const auto status = Change(key.name, key.uid, [&](JobEdit& edit) {
    return edit.Trim(edit.job().last_sequence() - keep);
  });
  if (!status.ok()) spdlog::error("{}: its log: {}", key.name, status.ToString());
}

absl::Status JobService::Finish(const QueuedJob& key, int attempt,
                                const worker::v1::TrainingOutcome& outcome) {
  using Outcome = worker::v1::TrainingOutcome;
  std::optional<JobEdit> changed;
  auto status = CommitWhenPossible(key, [&](Transaction& transaction) -> absl::Status {
    auto edit = JobEdit::Load(transaction, key.name, key.uid);
    if (!edit.ok()) return edit.status();
    if (!IsCurrent(*edit, attempt)) return NotCurrent(key.name, attempt);
    Job& job = edit->job();
    if (!outcome.weights_digest().empty()) job.set_weights_digest(outcome.weights_digest());
    const Job::State state = StateAfter(outcome.kind(), job.state());
    if (outcome.kind() == Outcome::FAILED) *job.mutable_error() = outcome.error();
    auto network = ToCore(job.network_spec());
    if (network.ok()) {
      if (auto done = RememberSpeed(transaction, job, ParameterCount(*network)); !done.ok()) {
        return done;
      }
    }
    if (auto done =
            edit->Enter(state, state == Job::FAILED ? job.error().message() : outcome.reason());
        !done.ok()) {
      return done;
    }
    changed = *std::move(edit);
    return changed->Save();
  });
  if (!status.ok()) return status;
  Announce(*changed);
  if (changed->job().state() == Job::QUEUED) scheduler_.Enqueue(key);
  return status;
}

void JobService::Lost(const QueuedJob& key, int attempt, const std::string& how, bool draining) {
  bool queued = false;
  const auto status = Change(
      key.name, key.uid,
      [&](JobEdit& edit) -> absl::Status {
        queued = false;
        if (!IsCurrent(edit, attempt)) return absl::CancelledError("not the current attempt");
        if (edit.job().state() == Job::CANCELLING) return edit.Enter(Job::CANCELLED, how);
        if (edit.job().state() == Job::PAUSING) return edit.Enter(Job::PAUSED, how);
        if (!draining) edit.record().set_lost_attempts(edit.record().lost_attempts() + 1);
        if (edit.record().lost_attempts() < kMaxLostAttempts) {
          queued = true;
          return edit.Enter(Job::QUEUED, how);
        }
        *edit.job().mutable_error() =
            ToRpcStatus(MakeError(absl::StatusCode::kInternal, {"WORKER_LOST", "", {}},
                                  StrCat("its worker was lost ", kMaxLostAttempts,
                                         " times in a row without progress; the last one ", how)));
        return edit.Enter(Job::FAILED, edit.job().error().message());
      },
      Store::WhenFull::kWait);
  if (!status.ok() && !absl::IsCancelled(status)) {
    spdlog::error("{}: cannot record that its worker {}: {}", key.name, how, status.ToString());
  }
  if (queued && !draining) {
    spdlog::warn("{}: worker of attempt {} {}; queued again", key.name, attempt, how);
    scheduler_.Enqueue(key);
  }
}

absl::StatusOr<JobEdit> JobService::AppendEvaluation(Transaction& transaction,
                                                     const std::string& job_name,
                                                     const std::string& job_uid,
                                                     const v1::EvaluationCompleted& completed) {
  auto edit = JobEdit::Load(transaction, job_name, job_uid);
  if (!edit.ok()) return edit.status();
  v1::TrainingEvent event;
  *event.mutable_evaluation() = completed;
  auto status = edit->Append(std::move(event));
  if (status.ok()) status = edit->Save();
  if (!status.ok()) return status;
  return edit;
}

// By now the job may have another worker.
void JobService::Forget(const std::string& uid, const TrainingTask* task) {
  const std::lock_guard lock(mutex_);
  const auto found = tasks_.find(uid);
  if (found != tasks_.end() && found->second.get() == task) tasks_.erase(found);
}

// Files that the record no longer names; a crash in between leaves some, which
// the next checkpoint's removal takes along.
void JobService::RemoveDropped(const store::v1::JobRecord& record,
                               const std::set<std::string>& before) {
  std::set<std::string> dropped = before;
  for (const auto& checkpoint : record.checkpoints()) dropped.erase(checkpoint.file());
  std::error_code ignored;
  for (const std::string& file : dropped) {
    std::filesystem::remove(layout_.Checkpoints(record.job().uid()) / file, ignored);
  }
}

void JobService::RemoveUnkept(const store::v1::JobRecord& record) {
  const std::set<std::string> kept = FilesOf(record);
  std::error_code error;
  for (const auto& entry :
       std::filesystem::directory_iterator(layout_.Checkpoints(record.job().uid()), error)) {
    const std::string file = entry.path().filename().string();
    if (entry.path().extension() == ".safetensors" && !kept.contains(file)) {
      std::filesystem::remove(entry.path(), error);
    }
  }
}

void JobService::TrainingTask::Cancel() {
  worker::v1::ServerMessage message;
  message.mutable_cancel();
  Tell(message);
}

void JobService::TrainingTask::Pause() {
  worker::v1::ServerMessage message;
  message.mutable_pause();
  Tell(message);
}

bool JobService::TrainingTask::OnDrain() {
  Pause();
  return true;
}

void JobService::TrainingTask::Tell(const worker::v1::ServerMessage& message) {
  std::shared_ptr<WorkerLink> link;
  {
    const std::lock_guard lock(mutex_);
    // What was said last is what counts when the worker attaches.
    stop_ = message;
    link = link_;
  }
  if (link != nullptr) link->Send(message);
}

absl::Status JobService::TrainingTask::OnAttach(std::shared_ptr<WorkerLink> link, bool again) {
  worker::v1::ServerMessage first = task_;
  if (again) {
    auto durable = jobs_.LastReport(key_, attempt_);
    if (!durable.ok()) return durable.status();
    first.mutable_acknowledged()->set_number(*durable);
  }
  if (!link->Send(first)) return absl::UnavailableError("the worker is gone");
  std::optional<worker::v1::ServerMessage> stop;
  {
    const std::lock_guard lock(mutex_);
    link_ = link;
    stop = stop_;
  }
  if (stop) link->Send(*stop);
  return absl::OkStatus();
}

absl::Status JobService::TrainingTask::OnMessage(const worker::v1::WorkerMessage& message) {
  if (message.has_progress()) {
    jobs_.hub_.Progress(key_.uid, message.progress());
    return absl::OkStatus();
  }
  if (message.has_report()) {
    auto status = jobs_.Report(key_, attempt_, message.report());
    if (!status.ok()) return status;
    worker::v1::ServerMessage answer;
    answer.mutable_acknowledged()->set_number(message.report().number());
    std::shared_ptr<WorkerLink> link;
    {
      const std::lock_guard lock(mutex_);
      link = link_;
    }
    link->Send(answer);
    return absl::OkStatus();
  }
  if (message.has_training_outcome()) {
    auto status = jobs_.Finish(key_, attempt_, message.training_outcome());
    if (status.ok()) done_ = true;
    return status;
  }
  return absl::InvalidArgumentError("not a message of a training worker");
}

void JobService::TrainingTask::OnEnd(const std::string& how, bool draining) {
  jobs_.Forget(key_.uid, this);
  if (!done_) {
    jobs_.Lost(key_, attempt_, draining ? "the server was stopped" : how, draining);
  }
  jobs_.scheduler_.Release();
}

}  // namespace trainyard::server

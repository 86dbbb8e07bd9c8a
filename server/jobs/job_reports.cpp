// What workers report, and what it does to their jobs.
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
#include "server/jobs/attempt.h"
#include "server/jobs/job_service.h"
#include "server/jobs/kept_checkpoints.h"
#include "server/jobs/speed.h"

namespace trainyard::server {
namespace {

using Job = v1::TrainingJob;

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

// A pause that the user asked for needs no other reason.
std::string ReasonOf(const worker::v1::TrainingOutcome& outcome, const Job& job, Job::State state) {
  if (state == Job::FAILED) return job.error().message();
  return state == Job::SUCCEEDED || state == Job::QUEUED ? outcome.reason() : "";
}

// Whether a report has an epoch that was trained, and paid for, before.
bool Replays(const Job& job, const worker::v1::TrainingReport& report) {
  return std::ranges::any_of(report.facts(), [&](const worker::v1::TrainingFact& fact) {
    return fact.has_epoch() && fact.epoch().epoch() <= job.epochs_completed();
  });
}

}  // namespace

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
  double seconds = 0;
  auto status = CommitWhenPossible(key, [&](Transaction& transaction) -> absl::Status {
    auto edit = JobEdit::Load(transaction, key.name, key.uid);
    if (!edit.ok()) return edit.status();
    if (!IsCurrent(*edit, attempt)) return NotCurrent(key.name, attempt);
    // One that was durable before the server that took it was gone.
    const bool known = report.number() <= edit->record().last_report();
    if (!known) edit->record().set_last_report(report.number());
    before = FilesOf(edit->record());
    auto charged = ChargeUser(transaction, *edit, !known && !Replays(edit->job(), report), false);
    if (!charged.ok()) return charged.status();
    seconds = *charged;
    for (int i = 0; !known && i < report.facts_size(); ++i) {
      if (auto done = Apply(transaction, *edit, report.facts(i)); !done.ok()) return done;
    }
    changed = *std::move(edit);
    return changed->Save();
  });
  if (!status.ok()) return status;
  NoteCharge(changed->job(), seconds);
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
  double seconds = 0;
  auto status = CommitWhenPossible(key, [&](Transaction& transaction) -> absl::Status {
    auto edit = JobEdit::Load(transaction, key.name, key.uid);
    if (!edit.ok()) return edit.status();
    if (!IsCurrent(*edit, attempt)) return NotCurrent(key.name, attempt);
    Job& job = edit->job();
    auto charged = ChargeUser(transaction, *edit, true, true);
    if (!charged.ok()) return charged.status();
    seconds = *charged;
    if (!outcome.weights_digest().empty()) job.set_weights_digest(outcome.weights_digest());
    const Job::State state = StateAfter(outcome.kind(), job.state());
    if (outcome.kind() == Outcome::FAILED) *job.mutable_error() = outcome.error();
    auto network = ToCore(job.network_spec());
    if (network.ok()) {
      if (auto done = RememberSpeed(transaction, job, ParameterCount(*network)); !done.ok()) {
        return done;
      }
    }
    if (auto done = edit->Enter(state, ReasonOf(outcome, job, state)); !done.ok()) {
      return done;
    }
    changed = *std::move(edit);
    return changed->Save();
  });
  if (!status.ok()) return status;
  NoteCharge(changed->job(), seconds);
  Announce(*changed);
  if (changed->job().state() == Job::QUEUED) scheduler_.Enqueue(ToQueue(changed->job()));
  return status;
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

// Files that the record no longer names; a crash in between leaves some, until the
// worker has ended.
void JobService::RemoveDropped(const store::v1::JobRecord& record,
                               const std::set<std::string>& before) {
  std::set<std::string> dropped = before;
  for (const auto& checkpoint : record.checkpoints()) dropped.erase(checkpoint.file());
  std::error_code ignored;
  for (const std::string& file : dropped) {
    std::filesystem::remove(layout_.Checkpoints(record.job().uid()) / file, ignored);
  }
}

}  // namespace trainyard::server

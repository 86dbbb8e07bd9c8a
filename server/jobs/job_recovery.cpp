// What becomes of jobs whose worker or server is gone.
#include <spdlog/spdlog.h>

#include <filesystem>
#include <set>
#include <utility>

#include "core/base/error.h"
#include "core/base/text.h"
#include "server/convert/status.h"
#include "server/jobs/attempt.h"
#include "server/jobs/job_service.h"
#include "server/jobs/training_task.h"
#include "server/store/worker_lock.h"

namespace trainyard::server {
namespace {

using Job = v1::TrainingJob;

constexpr int kMaxLostAttempts = 20;

// What a worker has to attach again after a restart.
constexpr std::chrono::seconds kLease{10};

bool Runs(int state) {
  return state == Job::RUNNING || state == Job::CANCELLING || state == Job::PAUSING;
}

// Uids of jobs whose worker's lock is there, held or not; sockets and logs have
// extensions.
std::set<std::string> LocksIn(const Layout& layout) {
  std::set<std::string> uids;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(layout.WorkerLock(""), error)) {
    if (!entry.path().has_extension()) uids.insert(entry.path().filename().string());
  }
  return uids;
}

}  // namespace

// A fork's folder is there before the fork is, and a job's after its row is gone. The
// lock of a job that does not run is that of a worker whose end the server before did
// not live to see.
absl::Status JobService::Sweep() {
  const std::set<std::string> locks = LocksIn(layout_);
  std::set<std::string> known;
  std::vector<QueuedJob> ended;
  const auto status = store_.Read([&](Reader& reader) -> absl::Status {
    std::int64_t after = 0;
    while (true) {
      auto rows = reader.ListAll(ResourceKind::kJob, after, 1000);
      if (!rows.ok()) return rows.status();
      if (rows->empty()) return absl::OkStatus();
      for (const ResourceRow& row : *rows) {
        known.insert(row.uid);
        if (locks.contains(row.uid) && !Runs(row.state)) ended.push_back({row.uid, row.name});
      }
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
  for (const std::string& uid : locks) {
    if (!known.contains(uid)) ended.push_back({uid, ""});
  }
  for (const QueuedJob& key : ended) {
    EndStray(key.uid);
    Tidy(key);
  }
  return absl::OkStatus();
}

// It has told its outcome, has been replaced, or cannot be taken over: it would be
// refused, and until then outlive this server.
void JobService::EndStray(const std::string& uid) {
  const std::optional<int> pid = HolderOf(layout_, uid);
  if (pid) pool_.Dismiss(*pid, [&] { return HolderOf(layout_, uid) == pid; });
}

void JobService::Tidy(const QueuedJob& key) {
  store::v1::JobRecord record;
  const auto status = store_.Read([&](Reader& reader) -> absl::Status {
    auto row = reader.Get(ResourceKind::kJob, key.name);
    if (row.ok() && row->uid == key.uid) record.ParseFromString(row->body);
    return row.status();
  });
  // Deleted, it has no folder.
  if (status.ok() && record.job().uid() == key.uid) RemoveUnkept(record);
  std::error_code ignored;
  std::filesystem::remove(layout_.WorkerLock(key.uid), ignored);
}

absl::Status JobService::Recover() {
  if (auto status = Sweep(); !status.ok()) return status;
  std::vector<Job> queued;
  std::vector<store::v1::JobRecord> interrupted;
  auto status = store_.Read([&](Reader& reader) -> absl::Status {
    for (const auto state : {Job::QUEUED, Job::RUNNING, Job::CANCELLING, Job::PAUSING}) {
      auto rows = reader.ListByState(ResourceKind::kJob, state);
      if (!rows.ok()) return rows.status();
      for (const ResourceRow& row : *rows) {
        if (state == Job::QUEUED) {
          store::v1::JobRecord record;
          record.ParseFromString(row.body);
          queued.push_back(std::move(*record.mutable_job()));
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
    EndStray(key.uid);
    Lost(key, record.job().attempt(), "the server was restarted", true);
    if (record.job().state() == Job::RUNNING) scheduler_.Enqueue(ToQueue(record.job()));
  }
  for (const Job& job : queued) scheduler_.Enqueue(ToQueue(job));
  return absl::OkStatus();
}

void JobService::Open() { scheduler_.Open(); }

// Its worker may have gone on without us.
bool JobService::Adopt(const store::v1::JobRecord& record) {
  const Job& job = record.job();
  const QueuedJob key = {job.uid(), job.name()};
  const std::optional<int> pid = HolderOf(layout_, key.uid);
  if (!pid) return false;
  worker::v1::ServerMessage message = TaskMessage(record, options_.watts_per_core);
  if (!AddGivenWeights(key.uid, *message.mutable_train()).ok()) return false;
  auto task = std::make_shared<TrainingTask>(*this, key, job.attempt(), std::move(message));
  if (job.state() == Job::CANCELLING) task->Cancel();
  if (job.state() == Job::PAUSING) task->Pause();
  {
    const std::lock_guard lock(mutex_);
    tasks_[key.uid] = task;
  }
  scheduler_.Occupy(ToQueue(job));
  const auto status = pool_.Adopt(key.name, job.attempt(), *pid, kLease, task,
                                  [&] { return HolderOf(layout_, key.uid) == pid; });
  if (status.ok()) {
    spdlog::info("{}: waits for worker {} of attempt {}", key.name, *pid, job.attempt());
    return true;
  }
  Forget(key.uid, task.get());
  scheduler_.Release(key.uid);
  return false;
}

void JobService::Lost(const QueuedJob& key, int attempt, const std::string& how, bool draining) {
  std::optional<Job> queued;
  const auto status = Change(
      key.name, key.uid,
      [&](JobEdit& edit) -> absl::Status {
        queued.reset();
        if (!IsCurrent(edit, attempt)) return absl::CancelledError("not the current attempt");
        if (edit.job().state() == Job::CANCELLING) return edit.Enter(Job::CANCELLED, how);
        if (edit.job().state() == Job::PAUSING) return edit.Enter(Job::PAUSED, how);
        if (!draining) edit.record().set_lost_attempts(edit.record().lost_attempts() + 1);
        if (edit.record().lost_attempts() < kMaxLostAttempts) {
          queued = edit.job();
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
    scheduler_.Enqueue(ToQueue(*queued));
  }
}

}  // namespace trainyard::server

// From the queue to a worker.
#include <spdlog/spdlog.h>

#include <filesystem>
#include <set>
#include <utility>

#include "core/base/error.h"
#include "core/base/file.h"
#include "core/base/text.h"
#include "server/jobs/attempt.h"
#include "server/jobs/job_service.h"
#include "server/jobs/training_task.h"
#include "server/resources/clock.h"
#include "server/store/folders.h"

namespace trainyard::server {

using Job = v1::TrainingJob;

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
    if (!weights.ok()) return weights.status();
    *task.mutable_initial_weights() = *std::move(weights);
    return absl::OkStatus();
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
        edit.record().set_charged_time(scheduler_.Now());
        if (!edit.job().has_start_time()) {
          *edit.job().mutable_start_time() = Now();
        }
        message = TaskMessage(edit.record(), options_.watts_per_core);
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
  do {
    status = MakeFolders(layout_.root(), layout_.Checkpoints(queued.uid));
  } while (IsDiskFull(status) && store_.AwaitSpace());
  if (!status.ok()) spdlog::error("{}: {}", queued.name, status.ToString());
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

// By now the job may have another worker.
void JobService::Forget(const std::string& uid, const TrainingTask* task) {
  const std::lock_guard lock(mutex_);
  const auto found = tasks_.find(uid);
  if (found != tasks_.end() && found->second.get() == task) tasks_.erase(found);
}

void JobService::RemoveUnkept(const store::v1::JobRecord& record) {
  const std::set<std::string> kept = FilesOf(record);
  std::error_code error;
  for (const auto& entry :
       std::filesystem::directory_iterator(layout_.Checkpoints(record.job().uid()), error)) {
    if (!kept.contains(entry.path().filename().string())) {
      std::filesystem::remove(entry.path(), error);
    }
  }
}

}  // namespace trainyard::server

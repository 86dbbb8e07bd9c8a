#include "server/jobs/attempt.h"

#include "core/base/error.h"
#include "core/base/text.h"
#include "server/store/layout.h"

namespace trainyard::server {

using Job = v1::TrainingJob;

worker::v1::ServerMessage TaskMessage(const store::v1::JobRecord& record, double watts_per_core) {
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

absl::Status NotCurrent(const std::string& name, int attempt) {
  return MakeError(absl::StatusCode::kFailedPrecondition, {"ATTEMPT_REFUSED", "", {}},
                   StrCat("attempt ", attempt, " of ", name, " is not the current one"));
}

bool IsCurrent(JobEdit& edit, int attempt) {
  return edit.job().attempt() == attempt &&
         (edit.job().state() == Job::RUNNING || edit.job().state() == Job::CANCELLING ||
          edit.job().state() == Job::PAUSING);
}

std::set<std::string> FilesOf(const store::v1::JobRecord& record) {
  std::set<std::string> files;
  for (const auto& checkpoint : record.checkpoints()) files.insert(checkpoint.file());
  return files;
}

}  // namespace trainyard::server

#include "server/jobs/training_task.h"

namespace trainyard::server {

void JobService::TrainingTask::Cancel() {
  worker::v1::ServerMessage message;
  message.mutable_cancel();
  Tell(message);
}

void JobService::TrainingTask::Pause(const std::string& reason) {
  worker::v1::ServerMessage message;
  message.mutable_pause()->set_reason(reason);
  Tell(message);
}

void JobService::TrainingTask::Yield(bool within_epoch, const std::string& reason) {
  worker::v1::ServerMessage message;
  message.mutable_pause()->set_at_epoch_end(!within_epoch);
  message.mutable_pause()->set_reason(reason);
  std::shared_ptr<WorkerLink> link;
  {
    const std::lock_guard lock(mutex_);
    if (stop_ && !stop_->pause().at_epoch_end()) return;
    stop_ = message;
    link = link_;
  }
  if (link != nullptr) link->Send(message);
}

bool JobService::TrainingTask::OnDrain() {
  Pause("the server was stopped");
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
  jobs_.Tidy(key_);
  jobs_.scheduler_.Release(key_.uid);
}

}  // namespace trainyard::server

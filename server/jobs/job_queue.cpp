// What the job service and the queue tell each other.
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "core/base/text.h"
#include "server/convert/network.h"
#include "server/jobs/job_service.h"
#include "server/jobs/speed.h"
#include "server/jobs/training_task.h"

namespace trainyard::server {
namespace {

using Job = v1::TrainingJob;

// Less is not worth a write: it is charged with what follows.
constexpr double kLeastCharge = 0.25;

std::string ReasonOf(Yield why) {
  switch (why) {
    case Yield::kPriority:
      return "preempted for a job of higher priority";
    case Yield::kDay:
      return "preempted: out of CPU seconds for today";
    default:
      return "preempted for other users' jobs";
  }
}

void SetSeconds(double seconds, google::protobuf::Duration* duration) {
  duration->set_seconds(static_cast<std::int64_t>(seconds));
  duration->set_nanos(
      static_cast<std::int32_t>((seconds - static_cast<double>(duration->seconds())) * 1e9));
}

}  // namespace

LimitsOf JobService::LimitsFrom(const QuotaOf& quota_of) {
  if (!quota_of) return {};
  return [quota_of](const std::string& user) {
    const v1::Quota quota = quota_of(user);
    UserLimits limits;
    if (quota.has_running_jobs()) limits.running_jobs = quota.running_jobs();
    if (quota.has_cpu_seconds_per_day()) limits.cpu_seconds_a_day = quota.cpu_seconds_per_day();
    return limits;
  };
}

double JobService::SecondsLeft(Reader& reader, const Job& job) {
  const int epochs = std::max(0, job.spec().epochs() - job.epochs_completed());
  double seconds = job.last_epoch().seconds();
  if (seconds <= 0) {
    auto network = ToCore(job.network_spec());
    if (!network.ok()) return 0;
    seconds = SpeedOf(reader, job.spec()).seconds_per_parameter_row *
              static_cast<double>(ParameterCount(*network)) * static_cast<double>(job.row_count());
  }
  return seconds * epochs;
}

QueuedJob JobService::ToQueue(const Job& job) {
  QueuedJob queued{job.uid(), job.name(), job.spec().priority(), job.spec().threads(), 0};
  const std::string user(OwnerOf(job.name()));
  const auto status = store_.Read([&](Reader& reader) -> absl::Status {
    queued.seconds = SecondsLeft(reader, job);
    if (scheduler_.Knows(user)) return absl::OkStatus();
    auto usage = LoadUsage(reader, user);
    if (usage.ok()) scheduler_.Restore(user, *usage);
    return usage.status();
  });
  if (!status.ok()) spdlog::error("{}: its user's usage: {}", job.name(), status.ToString());
  return queued;
}

absl::StatusOr<double> JobService::ChargeUser(Transaction& transaction, JobEdit& edit, bool counts,
                                              bool at_once) const {
  const double now = scheduler_.Now();
  const double elapsed = now - edit.record().charged_time();
  if (counts && !at_once && elapsed < kLeastCharge) return 0;
  edit.record().set_charged_time(now);
  if (!counts || elapsed <= 0) return 0;
  const double seconds = elapsed * std::clamp(edit.job().spec().threads(), 1, options_.slots);
  const std::string_view user = OwnerOf(edit.job().name());
  auto usage = LoadUsage(transaction, user);
  if (!usage.ok()) return usage.status();
  usage->Charge(seconds, now);
  if (auto saved = SaveUsage(transaction, user, *usage); !saved.ok()) return saved;
  return seconds;
}

void JobService::NoteCharge(const Job& job, double seconds) {
  std::optional<double> left;
  if (job.last_epoch().seconds() > 0) {
    left = job.last_epoch().seconds() * std::max(0, job.spec().epochs() - job.epochs_completed());
  }
  scheduler_.Charge(job.uid(), seconds, left);
}

double JobService::UsageOf(const std::string& user) const {
  if (scheduler_.Knows(user)) return scheduler_.TodayOf(user);
  double today = 0;
  const auto status = store_.Read([&](Reader& reader) -> absl::Status {
    auto usage = LoadUsage(reader, user);
    if (usage.ok()) today = usage->TodayAt(scheduler_.Now());
    return usage.status();
  });
  if (!status.ok()) spdlog::error("{}: its usage: {}", user, status.ToString());
  return today;
}

void JobService::Preempt(const Preemption& preemption) {
  const auto task = TaskOf(preemption.uid);
  if (task == nullptr) return;
  task->Yield(preemption.within_epoch, ReasonOf(preemption.why));
}

void JobService::FillQueue(Job& job) const {
  if (job.state() != Job::QUEUED) return;
  const auto plan = scheduler_.CurrentPlan();
  const Place* place = plan->Find(job.uid());
  // About to start: it has left the queue and its state follows.
  if (place == nullptr) {
    job.set_queue_position(1);
    job.set_queue_reason("it is about to start");
    job.set_queue_wait_seconds(0);
    return;
  }
  job.set_queue_position(place->position);
  job.set_queue_reason(place->reason);
  if (place->seconds) job.set_queue_wait_seconds(*place->seconds);
}

absl::StatusOr<v1::Queue> JobService::GetQueue(const Caller& caller, const v1::GetQueueRequest&) {
  const auto plan = scheduler_.CurrentPlan();
  const auto visible = [&](const QueuedJob& job) {
    return caller.staff() || OwnerOf(job.name) == caller.user;
  };
  v1::Queue queue;
  queue.set_slots(plan->slots);
  queue.set_running_count(static_cast<int>(plan->running.size()));
  queue.set_queued_count(static_cast<int>(plan->waiting.size()));
  queue.set_user_count(plan->users);
  for (const RunningPlace& place : plan->running) {
    if (!visible(place.job)) continue;
    v1::QueueEntry& entry = *queue.add_entries();
    entry.set_job(place.job.name);
    entry.set_running(true);
    entry.set_priority(place.job.priority);
    SetSeconds(place.seconds, entry.mutable_estimate());
  }
  for (const Place& place : plan->waiting) {
    if (!visible(place.job)) continue;
    v1::QueueEntry& entry = *queue.add_entries();
    entry.set_job(place.job.name);
    entry.set_position(place.position);
    entry.set_reason(place.reason);
    entry.set_priority(place.job.priority);
    if (place.seconds) SetSeconds(*place.seconds, entry.mutable_estimate());
  }
  return queue;
}

}  // namespace trainyard::server

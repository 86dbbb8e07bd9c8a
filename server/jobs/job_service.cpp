// The calls that users make; see job_create.cpp for the checks of a new job,
// job_queue.cpp for its turn and job_reports.cpp for what workers cause.
#include "server/jobs/job_service.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "core/base/error.h"
#include "core/base/text.h"
#include "server/jobs/training_task.h"
#include "server/resources/request.h"

namespace trainyard::server {

using Job = v1::TrainingJob;

JobService::JobService(const Layout& layout, Store& store, EventHub& hub, WorkerPool& pool,
                       const JobOptions& options)
    : layout_(layout),
      store_(store),
      hub_(hub),
      pool_(pool),
      options_(options),
      scheduler_(
          {options.slots, options.quantum, LimitsFrom(options.quota_of)},
          [this](const QueuedJob& job) { return Dispatch(job); },
          [this](const Preemption& preemption) { Preempt(preemption); }) {}

JobService::~JobService() = default;

void JobService::Close() { scheduler_.Close(); }

void JobService::Announce(JobEdit& edit) {
  if (!edit.appended().empty()) {
    hub_.Published({edit.job().name(), edit.uid()}, edit.appended(),
                   IsTerminal(edit.job().state()));
  }
}

absl::Status JobService::Change(const std::string& name, const std::string& uid,
                                const std::function<absl::Status(JobEdit&)>& change,
                                Store::WhenFull when_full) {
  std::optional<JobEdit> changed;
  auto status = store_.Commit(
      [&](Transaction& transaction) -> absl::Status {
        auto edit = JobEdit::Load(transaction, name, uid);
        if (!edit.ok()) return edit.status();
        if (auto done = change(*edit); !done.ok()) return done;
        changed = *std::move(edit);
        return changed->Save();
      },
      when_full);
  if (status.ok()) Announce(*changed);
  return status;
}

absl::StatusOr<Job> JobService::Create(const Caller& caller,
                                       const v1::CreateTrainingJobRequest& request) {
  Job response;
  std::optional<JobEdit> created;
  auto status = Once(
      store_, {caller, "CreateTrainingJob", request, request.request_id(), request.validate_only()},
      response, [&](Transaction& transaction) -> absl::Status {
        store::v1::JobRecord record;
        if (auto done = Prepare(transaction, caller, request, record); !done.ok()) return done;
        if (auto room = CheckRoom(transaction, record); !room.ok()) return room;
        JobEdit edit = JobEdit::New(transaction, std::move(record));
        if (auto done = edit.Enter(Job::QUEUED); !done.ok()) return done;
        if (auto done = edit.Save(); !done.ok()) return done;
        if (auto done = KeepGivenWeights(transaction, edit.job()); !done.ok()) return done;
        response = edit.job();
        if (request.validate_only()) FillEstimate(transaction, response);
        created = std::move(edit);
        return absl::OkStatus();
      });
  if (!status.ok()) return status;
  // Not so for a dry run or an answer given again.
  if (created && !request.validate_only()) {
    Announce(*created);
    scheduler_.Enqueue(ToQueue(response));
  }
  if (response.state() == Job::QUEUED && !request.validate_only()) FillQueue(response);
  return response;
}

absl::StatusOr<Job> JobService::Get(const Caller& caller,
                                    const v1::GetTrainingJobRequest& request) {
  auto name = ResolveName(caller, "name", "jobs", request.name());
  if (!name.ok()) return name.status();
  store::v1::JobRecord record;
  auto status = store_.Read([&](Reader& reader) -> absl::Status {
    auto row = reader.Get(ResourceKind::kJob, *name);
    if (!row.ok()) return row.status();
    record.ParseFromString(row->body);
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  FillQueue(*record.mutable_job());
  return std::move(*record.mutable_job());
}

absl::StatusOr<v1::ListTrainingJobsResponse> JobService::List(
    const Caller& caller, const v1::ListTrainingJobsRequest& request) {
  auto parent = ResolveList(caller, "parent", request.parent());
  if (!parent.ok()) return parent.status();
  // Whoever may see no others sees their own.
  if (*parent == kEverybody && caller.reach == Reach::kOwn) *parent = caller.user;
  auto page = ParsePage(request.page_size(), request.page_token());
  if (!page.ok()) return page.status();
  v1::ListTrainingJobsResponse response;
  auto status = store_.Read([&](Reader& reader) -> absl::Status {
    auto next = ListPage(
        reader, ResourceKind::kJob, *parent, *page, [](const ResourceRow&) { return true; },
        [&](const ResourceRow& row) {
          store::v1::JobRecord record;
          record.ParseFromString(row.body);
          *response.add_jobs() = std::move(*record.mutable_job());
        });
    if (!next.ok()) return next.status();
    response.set_next_page_token(*next);
    auto last = reader.LastEventId();
    if (!last.ok()) return last.status();
    response.set_cursor(hub_.feed().CursorOf(*last));
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  for (Job& job : *response.mutable_jobs()) FillQueue(job);
  return response;
}

absl::Status JobService::Delete(const Caller& caller, const v1::DeleteTrainingJobRequest& request) {
  auto name = ResolveName(caller, "name", "jobs", request.name());
  if (!name.ok()) return name.status();
  v1::DeleteTrainingJobRequest nothing;
  std::string uid;
  auto status = Once(
      store_,
      {caller, "DeleteTrainingJob", request, request.request_id(), request.validate_only(), true},
      nothing, [&](Transaction& transaction) -> absl::Status {
        auto edit = JobEdit::Load(transaction, *name);
        if (!edit.ok()) return edit.status();
        if (!IsTerminal(edit->job().state())) {
          return MakeError(
              absl::StatusCode::kFailedPrecondition,
              {"JOB_NOT_ENDED", "", {{"state", Job::State_Name(edit->job().state())}}},
              StrCat(*name, " is ", Job::State_Name(edit->job().state()), "; cancel it first"));
        }
        auto rows = transaction.List(ResourceKind::kEvaluation, *name, 0, 1 << 30);
        if (!rows.ok()) return rows.status();
        for (const ResourceRow& row : *rows) {
          if (row.state == v1::Evaluation::RUNNING) {
            return MakeError(absl::StatusCode::kFailedPrecondition, {"JOB_IN_USE", "", {}},
                             StrCat(row.name, " is running; wait for it"));
          }
        }
        uid = edit->uid();
        auto done = transaction.DeleteChildren(*name);
        if (done.ok()) done = transaction.DeleteEvents(uid);
        if (done.ok()) done = transaction.Delete(uid);
        return done;
      });
  if (status.ok() && !uid.empty() && !request.validate_only()) {
    hub_.Deleted(uid);
    std::error_code ignored;
    std::filesystem::remove_all(layout_.Job(uid), ignored);
  }
  return status;
}

template <typename Request>
absl::StatusOr<Job> JobService::Move(
    const Caller& caller, std::string_view method, const Request& request,
    const std::function<absl::Status(Transaction&, JobEdit&)>& move) {
  auto name = ResolveName(caller, "name", "jobs", request.name());
  if (!name.ok()) return name.status();
  Job response;
  std::optional<JobEdit> moved;
  // A job that is cancelled can be deleted, one that pauses writes nothing more.
  auto status = Once(store_, {caller, method, request, request.request_id(), false, true}, response,
                     [&](Transaction& transaction) -> absl::Status {
                       auto edit = JobEdit::Load(transaction, *name);
                       if (!edit.ok()) return edit.status();
                       auto done = move(transaction, *edit);
                       if (done.ok()) done = edit->Save();
                       response = edit->job();
                       moved = *std::move(edit);
                       return done;
                     });
  if (!status.ok()) return status;
  // Not so for an answer given again.
  if (moved) Announce(*moved);
  FillQueue(response);
  return response;
}

std::shared_ptr<JobService::TrainingTask> JobService::TaskOf(const std::string& uid) {
  const std::lock_guard lock(mutex_);
  const auto found = tasks_.find(uid);
  return found == tasks_.end() ? nullptr : found->second;
}

absl::StatusOr<Job> JobService::Cancel(const Caller& caller,
                                       const v1::CancelTrainingJobRequest& request) {
  auto job =
      Move(caller, "CancelTrainingJob", request, [](Transaction&, JobEdit& edit) -> absl::Status {
        const auto state = edit.job().state();
        if (state == Job::CANCELLING) return absl::OkStatus();
        const bool at_once = state == Job::QUEUED || state == Job::PAUSED;
        return edit.Enter(at_once ? Job::CANCELLED : Job::CANCELLING, "cancelled by its user");
      });
  if (!job.ok()) return job;
  scheduler_.Remove(job->uid());
  if (const auto task = TaskOf(job->uid())) task->Cancel();
  return job;
}

absl::StatusOr<Job> JobService::Pause(const Caller& caller,
                                      const v1::PauseTrainingJobRequest& request) {
  auto job =
      Move(caller, "PauseTrainingJob", request, [](Transaction&, JobEdit& edit) -> absl::Status {
        if (edit.job().state() == Job::PAUSING) return absl::OkStatus();
        return edit.Enter(Job::PAUSING, "paused by its user");
      });
  if (!job.ok() || job->state() != Job::PAUSING) return job;
  if (const auto task = TaskOf(job->uid())) task->Pause();
  return job;
}

absl::StatusOr<Job> JobService::Resume(const Caller& caller,
                                       const v1::ResumeTrainingJobRequest& request) {
  bool queued = false;
  auto job = Move(caller, "ResumeTrainingJob", request,
                  [&](Transaction& transaction, JobEdit& edit) -> absl::Status {
                    if (edit.job().state() != Job::PAUSED) {
                      return MakeError(
                          absl::StatusCode::kFailedPrecondition,
                          {"JOB_NOT_PAUSED", "", {{"state", Job::State_Name(edit.job().state())}}},
                          StrCat(edit.job().name(), " is ", Job::State_Name(edit.job().state()),
                                 "; only a paused job can be resumed"));
                    }
                    if (auto data = CheckData(transaction, caller, edit.record()); !data.ok())
                      return data;
                    queued = true;
                    return edit.Enter(Job::QUEUED, "resumed by its user");
                  });
  if (!job.ok() || !queued) return job;
  scheduler_.Enqueue(ToQueue(*job));
  FillQueue(*job);
  return job;
}

absl::StatusOr<v1::ListTrainingEventsResponse> JobService::ListEvents(
    const Caller& caller, const v1::ListTrainingEventsRequest& request) {
  auto name = ResolveName(caller, "name", "jobs", request.name());
  if (!name.ok()) return name.status();
  auto page = ParsePage(request.page_size(), "");
  if (!page.ok()) return page.status();
  v1::ListTrainingEventsResponse response;
  auto status = store_.Read([&](Reader& reader) -> absl::Status {
    auto row = reader.Get(ResourceKind::kJob, *name);
    if (!row.ok()) return row.status();
    store::v1::JobRecord record;
    record.ParseFromString(row->body);
    const auto in_range = CheckCursor(record.job(), request.after_sequence());
    if (!in_range.ok()) return in_range;
    auto events = reader.Events(row->uid, request.after_sequence(), page->size);
    if (!events.ok()) return events.status();
    for (const EventRow& event : *events) response.add_events()->ParseFromString(event.body);
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  return response;
}

}  // namespace trainyard::server

// A new job that goes on from a state of another.
#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>
#include <utility>

#include "core/base/error.h"
#include "core/base/text.h"
#include "google/protobuf/util/field_mask_util.h"
#include "server/convert/network.h"
#include "server/convert/status.h"
#include "server/convert/training.h"
#include "server/jobs/job_service.h"
#include "server/jobs/lineage.h"
#include "server/resources/request.h"
#include "server/resources/visible.h"

namespace trainyard::server {
namespace {

using google::protobuf::util::FieldMaskUtil;
using Job = v1::TrainingJob;
using store::v1::JobRecord;
using store::v1::KeptCheckpoint;

// What a fork may change: what the data and the weights are stays.
constexpr std::array<std::string_view, 13> kChangeable = {"epochs",
                                                          "learning_rate",
                                                          "batch_size",
                                                          "seed",
                                                          "gradient_reduction",
                                                          "optimizer",
                                                          "schedule",
                                                          "l1",
                                                          "l2",
                                                          "dropout",
                                                          "threads",
                                                          "early_stopping",
                                                          "keep_checkpoints"};

absl::Status Override(const v1::ForkTrainingJobRequest& request, v1::TrainingJobSpec& spec) {
  for (const std::string& path : request.update_mask().paths()) {
    if (std::ranges::find(kChangeable, path) != kChangeable.end()) continue;
    return FieldError("update_mask", "FIELD_NOT_CHANGEABLE",
                      StrCat("update_mask names ", path,
                             ", which a fork cannot change; create a new job for that"));
  }
  FieldMaskUtil::MergeOptions options;
  options.set_replace_message_fields(true);
  FieldMaskUtil::MergeMessageTo(request.spec(), request.update_mask(), options, &spec);
  return absl::OkStatus();
}

// The request's fields have no "job." before them.
absl::Status WithoutJob(const absl::Status& status) {
  constexpr std::string_view kJob = "job.";
  if (status.ok()) return status;
  ErrorDetails details = GetErrorDetails(status);
  if (details.field.starts_with(kJob)) details.field = details.field.substr(kJob.size());
  return MakeError(status.code(), std::move(details), std::string(status.message()));
}

JobRecord Heir(const JobRecord& source, const KeptCheckpoint& from) {
  JobRecord record = WithSpecOf(source);
  StartFrom(from, record);
  v1::ForkSource& forked_from = *record.mutable_job()->mutable_forked_from();
  forked_from.set_job(source.job().name());
  forked_from.set_epoch(from.epoch());
  forked_from.set_weights_digest(from.weights_digest());
  return record;
}

}  // namespace

absl::Status JobService::CheckData(Reader& reader, const Caller& caller, const JobRecord& record) {
  const auto status = CheckStillReadable(reader, caller, record.dataset());
  if (!status.ok() || record.validation_dataset().name().empty()) return status;
  return CheckStillReadable(reader, caller, record.validation_dataset());
}

absl::Status JobService::PrepareFork(Transaction& transaction, const Caller& caller,
                                     const v1::ForkTrainingJobRequest& request,
                                     const KeptCheckpoint& from, JobRecord& record) {
  auto name = ResolveName(caller, "name", "jobs", request.name());
  if (!name.ok()) return name.status();
  const std::string id = request.job_id().empty() ? NewId("job") : request.job_id();
  if (auto status = CheckId("job_id", id); !status.ok()) return status;
  auto source = JobEdit::Load(transaction, *name);
  if (!source.ok()) return source.status();
  if (auto data = CheckData(transaction, caller, source->record()); !data.ok()) return data;
  // Again: it may have been dropped since.
  if (auto kept = FindKept(source->record(), from.epoch()); !kept.ok()) return kept.status();
  record = Heir(source->record(), from);
  Job& job = *record.mutable_job();
  if (auto status = Override(request, *job.mutable_spec()); !status.ok()) return status;
  if (auto may = CheckPriority(caller, "spec.priority", job.spec()); !may.ok()) return may;
  auto network = ToCore(job.network_spec());
  if (!network.ok()) return network.status();
  auto training = ToCore(job.spec(), network->seed);
  if (!training.ok()) return WithoutJob(training.status());
  auto status = CheckFor(*training, *network);
  if (status.ok()) status = CheckSize(*network, *training, job.row_count());
  if (!status.ok()) return WithoutJob(status);
  if (training->spec.epochs < from.epoch()) {
    return FieldError("spec.epochs", "EPOCHS_OUT_OF_RANGE",
                      StrCat("epochs is ", training->spec.epochs, " and the weights are those of ",
                             "epoch ", from.epoch(), "; epochs counts from the first job's start"));
  }
  FillDefaults(*training, job.mutable_spec());
  auto event = source->EventOfEpoch(from.epoch());
  if (!event.ok()) return event.status();
  if (*event) *job.mutable_last_epoch() = (*event)->epoch();
  job.set_name(StrCat(caller.user, "/jobs/", id));
  return absl::OkStatus();
}

absl::StatusOr<Job> JobService::CreateFrom(
    const Mutation& mutation, const std::string& uid,
    const std::function<absl::Status(Transaction&, JobRecord&)>& prepare) {
  Job response;
  std::optional<JobEdit> created;
  const auto status =
      Once(store_, mutation, response, [&](Transaction& transaction) -> absl::Status {
        JobRecord record;
        if (auto done = prepare(transaction, record); !done.ok()) return done;
        if (auto room = CheckRoom(transaction, record); !room.ok()) return room;
        record.mutable_job()->set_uid(uid);
        JobEdit edit = JobEdit::New(transaction, std::move(record));
        auto done = edit.Enter(Job::QUEUED);
        if (done.ok()) done = edit.Save();
        if (!done.ok()) return done;
        response = edit.job();
        if (mutation.validate_only) FillEstimate(transaction, response);
        created = std::move(edit);
        return absl::OkStatus();
      });
  // Not made: refused, a dry run, or an answer given again.
  if (!status.ok() || !created || mutation.validate_only) {
    std::error_code ignored;
    std::filesystem::remove_all(layout_.Job(uid), ignored);
    if (!status.ok()) return status;
    return response;
  }
  Announce(*created);
  scheduler_.Enqueue(ToQueue(response));
  FillQueue(response);
  return response;
}

absl::StatusOr<Job> JobService::Fork(const Caller& caller,
                                     const v1::ForkTrainingJobRequest& request) {
  auto name = ResolveName(caller, "name", "jobs", request.name());
  if (!name.ok()) return name.status();
  const std::string uid = NewUid();
  KeptCheckpoint from;
  const auto ready = store_.Read([&](Reader& reader) -> absl::Status {
    auto row = reader.Get(ResourceKind::kJob, *name);
    if (!row.ok()) return row.status();
    JobRecord record;
    record.ParseFromString(row->body);
    auto found =
        FindKept(record, request.has_epoch() ? std::optional(request.epoch()) : std::nullopt);
    if (!found.ok()) return found.status();
    from = *std::move(found);
    return ShareCheckpoint(layout_, row->uid, uid, from.file());
  });
  return CreateFrom(
      {caller, "ForkTrainingJob", request, request.request_id(), request.validate_only()}, uid,
      [&](Transaction& transaction, JobRecord& record) {
        // Not before: a request that has been answered is answered the same way,
        // whatever has become of the checkpoint.
        return ready.ok() ? PrepareFork(transaction, caller, request, from, record) : ready;
      });
}

}  // namespace trainyard::server

// A new job that goes on from a state of another.
#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>
#include <utility>

#include "core/base/error.h"
#include "core/base/file.h"
#include "core/base/text.h"
#include "google/protobuf/util/field_mask_util.h"
#include "server/convert/network.h"
#include "server/convert/status.h"
#include "server/convert/training.h"
#include "server/jobs/job_service.h"
#include "server/jobs/kept_checkpoints.h"
#include "server/resources/clock.h"
#include "server/resources/request.h"

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

absl::StatusOr<KeptCheckpoint> Find(const JobRecord& record, std::optional<int> epoch) {
  for (auto one = record.checkpoints().rbegin(); one != record.checkpoints().rend(); ++one) {
    if (one->sample() == 0 && (!epoch || one->epoch() == *epoch)) return *one;
  }
  std::string kept;
  for (const int one : record.job().checkpoint_epochs()) kept += StrCat(" ", one);
  return MakeError(absl::StatusCode::kFailedPrecondition, {"CHECKPOINT_NOT_KEPT", "epoch", {}},
                   StrCat(record.job().name(), " keeps no weights of ",
                          epoch ? StrCat("epoch ", *epoch) : std::string("any epoch"),
                          "; it keeps those of:", kept.empty() ? " none" : kept));
}

// A second name for the file, synced: it stays whatever becomes of the source.
absl::Status Share(const Layout& layout, const std::string& from, const std::string& to,
                   const std::string& file) {
  std::error_code error;
  std::filesystem::create_directories(layout.Checkpoints(to), error);
  if (!error) {
    std::filesystem::create_hard_link(layout.Checkpoints(from) / file,
                                      layout.Checkpoints(to) / file, error);
  }
  if (error) return SystemError(error.value(), "link checkpoint", file);
  auto status = SyncFolder(layout.Checkpoints(to));
  if (status.ok()) status = SyncFolder(layout.Job(to));
  if (status.ok()) status = SyncFolder(layout.Job(to).parent_path());
  return status;
}

JobRecord Heir(const JobRecord& source, const KeptCheckpoint& from) {
  JobRecord record;
  *record.mutable_dataset() = source.dataset();
  if (source.has_validation_dataset()) {
    *record.mutable_validation_dataset() = source.validation_dataset();
  }
  *record.add_checkpoints() = from;
  Job& job = *record.mutable_job();
  *job.mutable_spec() = source.job().spec();
  *job.mutable_network_spec() = source.job().network_spec();
  job.set_dataset_digest(source.job().dataset_digest());
  job.set_validation_dataset_digest(source.job().validation_dataset_digest());
  job.set_row_count(source.job().row_count());
  job.set_epochs_completed(from.epoch());
  job.mutable_forked_from()->set_job(source.job().name());
  job.mutable_forked_from()->set_epoch(from.epoch());
  job.mutable_forked_from()->set_weights_digest(from.weights_digest());
  *job.mutable_create_time() = Now();
  ListKeptEpochs(record);
  return record;
}

}  // namespace

absl::Status JobService::PrepareFork(Transaction& transaction, const Caller& caller,
                                     const v1::ForkTrainingJobRequest& request,
                                     const KeptCheckpoint& from, JobRecord& record) {
  auto name = ResolveName(caller, "name", "jobs", request.name());
  if (!name.ok()) return name.status();
  const std::string id = request.job_id().empty() ? NewId("job") : request.job_id();
  if (auto status = CheckId("job_id", id); !status.ok()) return status;
  auto source = JobEdit::Load(transaction, *name);
  if (!source.ok()) return source.status();
  // Again: it may have been dropped since.
  if (auto kept = Find(source->record(), from.epoch()); !kept.ok()) return kept.status();
  record = Heir(source->record(), from);
  Job& job = *record.mutable_job();
  if (auto status = Override(request, *job.mutable_spec()); !status.ok()) return status;
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

absl::StatusOr<Job> JobService::Fork(const Caller& caller,
                                     const v1::ForkTrainingJobRequest& request) {
  auto name = ResolveName(caller, "name", "jobs", request.name());
  if (!name.ok()) return name.status();
  const std::string uid = NewUid();
  KeptCheckpoint from;
  auto status = store_.Read([&](Reader& reader) -> absl::Status {
    auto row = reader.Get(ResourceKind::kJob, *name);
    if (!row.ok()) return row.status();
    JobRecord record;
    record.ParseFromString(row->body);
    auto found = Find(record, request.has_epoch() ? std::optional(request.epoch()) : std::nullopt);
    if (!found.ok()) return found.status();
    from = *std::move(found);
    return Share(layout_, row->uid, uid, from.file());
  });
  Job response;
  std::optional<JobEdit> created;
  if (status.ok()) {
    status = Once(
        store_, {caller, "ForkTrainingJob", request, request.request_id(), request.validate_only()},
        response, [&](Transaction& transaction) -> absl::Status {
          JobRecord record;
          auto done = PrepareFork(transaction, caller, request, from, record);
          if (!done.ok()) return done;
          record.mutable_job()->set_uid(uid);
          JobEdit edit = JobEdit::New(transaction, std::move(record));
          done = edit.Enter(Job::QUEUED);
          if (done.ok()) done = edit.Save();
          if (!done.ok()) return done;
          response = edit.job();
          if (request.validate_only()) FillEstimate(transaction, response);
          created = std::move(edit);
          return absl::OkStatus();
        });
  }
  const bool made = status.ok() && created && !request.validate_only();
  if (!made) {
    std::error_code ignored;
    std::filesystem::remove_all(layout_.Job(uid), ignored);
    if (!status.ok()) return status;
    return response;
  }
  Announce(*created);
  scheduler_.Enqueue({uid, response.name()});
  FillQueue(response);
  return response;
}

}  // namespace trainyard::server

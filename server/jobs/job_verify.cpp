// A new job that trains again what another has recorded.
#include <filesystem>
#include <utility>

#include "core/base/error.h"
#include "core/base/text.h"
#include "server/jobs/job_service.h"
#include "server/jobs/lineage.h"
#include "server/resources/request.h"

namespace trainyard::server {
namespace {

using Job = v1::TrainingJob;
using store::v1::JobRecord;
using store::v1::KeptCheckpoint;

// Where a fork's first state is: in its own folder, or in that of its source.
struct Origin {
  std::string uid;
  KeptCheckpoint checkpoint;
};

bool IsOrigin(const KeptCheckpoint& kept, const v1::ForkSource& source) {
  return kept.sample() == 0 && kept.epoch() == source.epoch() &&
         kept.weights_digest() == source.weights_digest();
}

absl::StatusOr<Origin> OriginOf(Reader& reader, const std::string& uid, const JobRecord& record) {
  const v1::ForkSource& source = record.job().forked_from();
  for (const KeptCheckpoint& kept : record.checkpoints()) {
    if (IsOrigin(kept, source)) return Origin{uid, kept};
  }
  const auto row = reader.Get(ResourceKind::kJob, source.job());
  JobRecord from;
  if (row.ok()) from.ParseFromString(row->body);
  for (const KeptCheckpoint& kept : from.checkpoints()) {
    if (IsOrigin(kept, source)) return Origin{row->uid, kept};
  }
  return MakeError(absl::StatusCode::kFailedPrecondition, {"CHECKPOINT_NOT_KEPT", "name", {}},
                   StrCat(record.job().name(), " was forked from epoch ", source.epoch(), " of ",
                          source.job(), ", whose weights are no longer kept"));
}

absl::Status CheckVerifiable(const Layout& layout, const Job& job) {
  if (job.state() != Job::SUCCEEDED) {
    return MakeError(absl::StatusCode::kFailedPrecondition,
                     {"JOB_NOT_SUCCEEDED", "name", {{"state", Job::State_Name(job.state())}}},
                     StrCat(job.name(), " is ", Job::State_Name(job.state()),
                            "; only a job that has SUCCEEDED can be verified"));
  }
  for (const std::string& digest : {job.dataset_digest(), job.validation_dataset_digest()}) {
    if (digest.empty() || std::filesystem::exists(layout.Dataset(digest))) continue;
    return MakeError(absl::StatusCode::kFailedPrecondition,
                     {"DATASET_GONE", "name", {{"digest", digest}}},
                     StrCat("the data that ", job.name(), " was trained on have been deleted; ",
                            "upload them again, the content with digest ", digest));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Job> JobService::Verify(const Caller& caller,
                                       const v1::VerifyTrainingJobRequest& request) {
  auto name = ResolveName(caller, "name", "jobs", request.name());
  if (!name.ok()) return name.status();
  const std::string id = request.job_id().empty() ? NewId("job") : request.job_id();
  if (auto status = CheckId("job_id", id); !status.ok()) return status;
  const std::string uid = NewUid();
  std::optional<KeptCheckpoint> from;
  const auto ready = store_.Read([&](Reader& reader) -> absl::Status {
    auto row = reader.Get(ResourceKind::kJob, *name);
    if (!row.ok()) return row.status();
    JobRecord source;
    source.ParseFromString(row->body);
    if (!source.job().has_forked_from()) return absl::OkStatus();
    auto origin = OriginOf(reader, row->uid, source);
    if (!origin.ok()) return origin.status();
    from = origin->checkpoint;
    return ShareCheckpoint(layout_, origin->uid, uid, from->file());
  });
  return CreateFrom({caller, "VerifyTrainingJob", request, request.request_id()}, uid,
                    [&](Transaction& transaction, JobRecord& record) -> absl::Status {
                      if (!ready.ok()) return ready;
                      auto source = JobEdit::Load(transaction, *name);
                      if (!source.ok()) return source.status();
                      auto may = CheckData(transaction, caller, source->record());
                      if (may.ok()) may = CheckVerifiable(layout_, source->job());
                      if (!may.ok()) return may;
                      record = WithSpecOf(source->record());
                      record.mutable_job()->set_name(StrCat(caller.user, "/jobs/", id));
                      record.mutable_job()->set_verifies(*name);
                      if (from) {
                        StartFrom(*from, record);
                        *record.mutable_job()->mutable_forked_from() = source->job().forked_from();
                      }
                      auto weights = transaction.Attachment(source->uid());
                      if (!weights.ok()) return weights.status();
                      return weights->empty() ? absl::OkStatus()
                                              : transaction.PutAttachment(uid, *weights);
                    });
}

}  // namespace trainyard::server

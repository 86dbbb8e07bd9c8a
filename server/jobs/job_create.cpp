// The checks of a new job, and what it would need.
#include <unistd.h>

#include <algorithm>
#include <string>

#include "absl/strings/numbers.h"
#include "core/base/error.h"
#include "core/base/text.h"
#include "server/convert/dataset.h"
#include "server/convert/network.h"
#include "server/convert/training.h"
#include "server/jobs/checkpoint_bytes.h"
#include "server/jobs/job_service.h"
#include "server/jobs/speed.h"
#include "server/resources/clock.h"
#include "server/resources/visible.h"

namespace trainyard::server {
namespace {

using Job = v1::TrainingJob;

// Multiply-adds above which a job would hold its slot for years.
constexpr double kMaxWork = 1e18;

// Resolves a dataset of the spec, checks that it fits, and writes its full
// name back.
absl::StatusOr<v1::Dataset> FittingDataset(Reader& reader, const Caller& caller,
                                           const NetworkSpec& network, bool training,
                                           std::string_view field, std::string* name) {
  auto dataset = FindDataset(reader, caller, field, *name, DatasetUse::kTrain);
  if (!dataset.ok()) return dataset.status();
  if (auto fit = CheckFit(network, ToInfo(*dataset), training); !fit.ok()) return fit;
  *name = dataset->name();
  return dataset;
}

}  // namespace

absl::Status JobService::CheckSize(const NetworkSpec& network, const TrainingRequest& training,
                                   std::int64_t rows) {
  const double work = static_cast<double>(ParameterCount(network)) * static_cast<double>(rows) *
                      std::max(1, training.spec.epochs);
  if (work > kMaxWork) {
    return FieldError("job.spec.epochs", "SPEC_TOO_LARGE",
                      StrCat("epochs x rows x parameters is ", work, ", more than the ", kMaxWork,
                             " that a job may have"));
  }
  const auto memory = TrainingMemoryBytes(network, training.spec, training.precision);
  const std::int64_t machine = ::sysconf(_SC_PHYS_PAGES) * ::sysconf(_SC_PAGE_SIZE);
  if (memory > machine / 2) {
    return FieldError("job.spec.network", "SPEC_TOO_LARGE",
                      StrCat("the job would need ", memory >> 20, " MiB; this server allows ",
                             machine >> 21, " MiB a job"));
  }
  return absl::OkStatus();
}

absl::Status JobService::CheckPriority(const Caller& caller, const std::string& field,
                                       const v1::TrainingJobSpec& spec) {
  if (spec.priority() <= 0 || caller.staff()) return absl::OkStatus();
  return MakeError(absl::StatusCode::kPermissionDenied, {"PRIORITY_NOT_ALLOWED", field, {}},
                   "a priority above 0 is for instructors; leave it at 0 or below");
}

absl::Status JobService::CheckRoom(Reader& reader, const store::v1::JobRecord& record) {
  if (!options_.quota_of) return absl::OkStatus();
  const std::string user(OwnerOf(record.job().name()));
  const v1::Quota quota = options_.quota_of(user);
  if (auto waiting = CheckQueuedJobs(reader, quota, user); !waiting.ok()) return waiting;
  return CheckCheckpointBytes(reader, quota, user, CheckpointBytesOf(record));
}

absl::Status JobService::Prepare(Transaction& transaction, const Caller& caller,
                                 const v1::CreateTrainingJobRequest& request,
                                 store::v1::JobRecord& record) {
  auto parent = ResolveUser(caller, "parent", request.parent());
  if (!parent.ok()) return parent.status();
  const std::string id = request.job_id().empty() ? NewId("job") : request.job_id();
  if (auto status = CheckId("job_id", id); !status.ok()) return status;
  if (auto may = CheckPriority(caller, "job.spec.priority", request.job().spec()); !may.ok()) {
    return may;
  }

  Job& job = *record.mutable_job();
  v1::TrainingJobSpec& spec = *job.mutable_spec();
  spec = request.job().spec();
  auto network = FindNetwork(transaction, caller, "job.spec.network", spec.network());
  if (!network.ok()) return network.status();
  auto core_network = ToCore(network->spec());
  if (!core_network.ok()) return core_network.status();

  auto training = ToCore(spec, core_network->seed);
  if (!training.ok()) return training.status();
  if (auto status = CheckFor(*training, *core_network); !status.ok()) return status;
  // An untrained network may have a step: it is only run forward.
  if (training->spec.epochs > 0) {
    if (auto status = ValidateTrainable(*core_network); !status.ok()) return status;
  }
  auto dataset = FittingDataset(transaction, caller, *core_network, training->spec.epochs > 0,
                                "job.spec.dataset", spec.mutable_dataset());
  if (!dataset.ok()) return dataset.status();
  if (!spec.validation_dataset().empty()) {
    auto validation =
        FittingDataset(transaction, caller, *core_network, false, "job.spec.validation_dataset",
                       spec.mutable_validation_dataset());
    if (!validation.ok()) return validation.status();
    job.set_validation_dataset_digest(validation->digest());
    *record.mutable_validation_dataset() = *std::move(validation);
  }
  if (auto status = CheckSize(*core_network, *training, dataset->row_count()); !status.ok()) {
    return status;
  }

  spec.set_network(network->name());
  FillDefaults(*training, &spec);
  job.set_name(StrCat(*parent, "/jobs/", id));
  job.set_uid(NewUid());
  *job.mutable_network_spec() = network->spec();
  job.set_dataset_digest(dataset->digest());
  job.set_row_count(dataset->row_count());
  *job.mutable_create_time() = Now();
  *record.mutable_dataset() = *std::move(dataset);
  return absl::OkStatus();
}

absl::Status JobService::KeepGivenWeights(Transaction& transaction, const Job& job) {
  if (!job.network_spec().initializer().has_weights()) return absl::OkStatus();
  auto network = transaction.Get(ResourceKind::kNetwork, job.spec().network());
  if (!network.ok()) return network.status();
  auto weights = transaction.Attachment(network->uid);
  if (!weights.ok()) return weights.status();
  return transaction.PutAttachment(job.uid(), *weights);
}

void JobService::FillEstimate(Reader& reader, Job& job) {
  auto network = ToCore(job.network_spec());
  if (!network.ok()) return;
  auto training = ToCore(job.spec(), network->seed);
  if (!training.ok()) return;
  v1::TrainingEstimate& estimate = *job.mutable_estimate();
  const auto parameters = ParameterCount(*network);
  estimate.set_parameter_count(parameters);
  estimate.set_memory_bytes(TrainingMemoryBytes(*network, training->spec, training->precision));
  const Speed speed = SpeedOf(reader, job.spec());
  estimate.set_seconds_per_epoch(speed.seconds_per_parameter_row * static_cast<double>(parameters) *
                                 static_cast<double>(job.row_count()));
  estimate.set_total_seconds(estimate.seconds_per_epoch() * training->spec.epochs);
  estimate.set_measured(speed.measured);
}

}  // namespace trainyard::server

// trainyard job fork J --epoch E

#include <array>
#include <optional>

#include "client/cli/commands/command.h"
#include "client/cli/commands/commands.h"
#include "client/cli/job_view.h"
#include "client/cli/live/watch_run.h"
#include "client/cli/report.h"
#include "client/cli/training_options.h"
#include "client/lib/names.h"
#include "google/protobuf/util/field_mask_util.h"

namespace trainyard::client {
namespace {

using google::protobuf::util::FieldMaskUtil;

// What ForkTrainingJobRequest.update_mask may name.
constexpr std::array<const char*, 13> kChangeable = {"epochs",
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

struct Options {
  std::string name;
  std::optional<int> epoch;
  std::string id;
  std::string request_id;
  TrainingOptions training;
  bool dry_run = false;
  bool watch = false;
};

// Whether two specs differ in a field.
bool Differ(const v1::TrainingJobSpec& a, const v1::TrainingJobSpec& b,
            const google::protobuf::FieldMask& field) {
  v1::TrainingJobSpec one;
  v1::TrainingJobSpec other;
  FieldMaskUtil::MergeMessageTo(a, field, {}, &one);
  FieldMaskUtil::MergeMessageTo(b, field, {}, &other);
  return one.SerializeAsString() != other.SerializeAsString();
}

absl::Status Fill(const Options& options, const v1::TrainingJob& source,
                  v1::ForkTrainingJobRequest& request) {
  request.set_name(source.name());
  if (options.epoch) request.set_epoch(*options.epoch);
  request.set_job_id(options.id);
  request.set_request_id(options.request_id.empty() ? NewRequestId() : options.request_id);
  request.set_validate_only(options.dry_run);
  *request.mutable_spec() = source.spec();
  if (absl::Status status = Apply(options.training, *request.mutable_spec()); !status.ok()) {
    return status;
  }
  for (const char* field : kChangeable) {
    google::protobuf::FieldMask mask;
    mask.add_paths(field);
    if (Differ(source.spec(), request.spec(), mask))
      request.mutable_update_mask()->add_paths(field);
  }
  return absl::OkStatus();
}

int Run(Context& context, const Options& options) {
  v1::TrainingJob job;
  if (grpc::Status status = GetJob(context, options.name, &job); !status.ok()) {
    return ReportError(context, status);
  }
  v1::ForkTrainingJobRequest request;
  if (absl::Status status = Fill(options, job, request); !status.ok()) {
    return ReportUsage(context, status);
  }
  const grpc::Status status =
      context.connection().Call(&v1::TrainingService::Stub::ForkTrainingJob, request, &job);
  if (!status.ok()) return ReportError(context, status);
  if (options.dry_run) {
    PrintDryRun(context, job);
    return kDone;
  }
  PrintNewJob(context, job, options.watch);
  if (!options.watch) return kDone;
  const WatchOutcome outcome = WatchAndPrint(context, job, 0);
  if (outcome.code != kDone) return outcome.code;
  return outcome.state == v1::TrainingJob::SUCCEEDED ? kDone : kFailed;
}

}  // namespace

void AddJobFork(CLI::App& group, Context& context) {
  auto [command, options] = AddCommand<Options>(
      group, context, "fork", "Go on from a job's weights with other hyperparameters", Run);
  command.add_option("NAME", options.name, "Id, or full resource name")->required();
  command.add_option("--epoch", options.epoch,
                     "One of its checkpoints (default: the last); see job show");
  AddForkOptions(command, options.training);
  command.add_option("--id", options.id, "Id of the new job (default: the server chooses)")
      ->type_name("JOB");
  command.add_option("--request-id", options.request_id,
                     "Makes a repeated command return the first one's job");
  command.add_flag("--dry-run", options.dry_run, "Show parameters, memory and time; make nothing");
  command.add_flag("--watch", options.watch, "Follow the job until it ends");
}

}  // namespace trainyard::client

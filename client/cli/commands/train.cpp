// trainyard train --network N --dataset D --epochs E --learning-rate A

#include "absl/status/statusor.h"
#include "client/cli/commands/command.h"
#include "client/cli/commands/commands.h"
#include "client/cli/job_view.h"
#include "client/cli/live/watch_run.h"
#include "client/cli/report.h"
#include "client/cli/training_options.h"
#include "client/lib/names.h"

namespace trainyard::client {
namespace {

struct Options {
  std::string network;
  std::string dataset;
  std::string validation;
  TrainingOptions training;
  std::string id;
  std::string request_id;
  bool dry_run = false;
  bool watch = false;
};

absl::StatusOr<v1::CreateTrainingJobRequest> MakeRequest(const Options& options) {
  v1::CreateTrainingJobRequest request;
  request.set_parent(std::string(kMe));
  request.set_job_id(options.id);
  request.set_request_id(options.request_id.empty() ? NewRequestId() : options.request_id);
  request.set_validate_only(options.dry_run);
  v1::TrainingJobSpec& spec = *request.mutable_job()->mutable_spec();
  spec.set_network(FullName("networks", options.network));
  spec.set_dataset(FullName("datasets", options.dataset));
  if (!options.validation.empty()) {
    spec.set_validation_dataset(FullName("datasets", options.validation));
  }
  if (absl::Status status = Apply(options.training, spec); !status.ok()) return status;
  if (!spec.has_epochs()) return absl::InvalidArgumentError("--epochs is required");
  if (spec.epochs() > 0 && !spec.has_learning_rate()) {
    return absl::InvalidArgumentError("--learning-rate is required");
  }
  return request;
}

int Run(Context& context, const Options& options) {
  const absl::StatusOr<v1::CreateTrainingJobRequest> request = MakeRequest(options);
  if (!request.ok()) return ReportUsage(context, request.status());
  v1::TrainingJob job;
  const grpc::Status status =
      context.connection().Call(&v1::TrainingService::Stub::CreateTrainingJob, *request, &job);
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

void AddTrain(CLI::App& app, Context& context) {
  auto [command, options] =
      AddCommand<Options>(app, context, "train", "Train a network on a dataset", Run);
  command.add_option("--network", options.network, "Network")->required();
  command.add_option("--dataset", options.dataset, "Training set")->required();
  command.add_option("--validation", options.validation,
                     "Dataset whose cost and accuracy are reported each epoch");
  AddTrainingOptions(command, options.training);
  command.add_option("--id", options.id, "Id of the job (default: the server chooses)")
      ->type_name("JOB");
  command.add_option("--request-id", options.request_id,
                     "Makes a repeated command return the first one's job");
  command.add_flag("--dry-run", options.dry_run, "Show parameters, memory and time; make nothing");
  command.add_flag("--watch", options.watch, "Follow the job until it ends");
}

}  // namespace trainyard::client

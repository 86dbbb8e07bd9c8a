// trainyard train --network N --dataset D --epochs E --learning-rate A

#include <optional>

#include "client/cli/choices.h"
#include "client/cli/commands/command.h"
#include "client/cli/commands/commands.h"
#include "client/cli/job_view.h"
#include "client/cli/live/watch_run.h"
#include "client/cli/options.h"
#include "client/cli/report.h"
#include "client/lib/names.h"

namespace trainyard::client {
namespace {

struct Options {
  std::string network;
  std::string dataset;
  std::string validation;
  int epochs = 0;
  std::optional<double> learning_rate;
  int batch_size = 0;
  std::string precision = "f32";
  std::optional<std::int64_t> seed;
  std::string gradient_reduction = "mean";
  std::string input_scaling = "auto";
  std::string id;
  std::string request_id;
  bool dry_run = false;
  bool watch = false;
};

v1::CreateTrainingJobRequest MakeRequest(const Options& options) {
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
  spec.set_epochs(options.epochs);
  if (options.learning_rate) spec.set_learning_rate(*options.learning_rate);
  spec.set_batch_size(options.batch_size);
  spec.set_precision(options.precision == "f64" ? v1::F64 : v1::F32);
  if (options.seed) spec.set_seed(*options.seed);
  spec.set_gradient_reduction(options.gradient_reduction == "sum" ? v1::SUM : v1::MEAN);
  spec.set_input_scaling(ParseInputScaling(options.input_scaling));
  return request;
}

int Run(Context& context, const Options& options) {
  if (options.epochs > 0 && !options.learning_rate) {
    return ReportUsage(context, absl::InvalidArgumentError("--learning-rate is required"));
  }
  v1::TrainingJob job;
  const grpc::Status status = context.connection().Call(
      &v1::TrainingService::Stub::CreateTrainingJob, MakeRequest(options), &job);
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

void AddTuning(CLI::App& command, Options& options) {
  command.add_option("--batch-size", options.batch_size,
                     "Samples in a mini-batch (default: 1, one sample at a time)");
  command.add_option("--precision", options.precision, "Floating-point type")
      ->check(Choices({"f32", "f64"}))
      ->capture_default_str();
  command.add_option("--seed", options.seed,
                     "Seed of the permutations (default: the network's seed)");
  command
      .add_option("--gradient-reduction", options.gradient_reduction,
                  "How a mini-batch's gradients are put together")
      ->check(Choices({"mean", "sum"}))
      ->capture_default_str();
  command
      .add_option("--input-scaling", options.input_scaling,
                  "How inputs are scaled; auto divides bytes by 255")
      ->check(Choices({"auto", "none", "255", "standard"}))
      ->capture_default_str();
}

}  // namespace

void AddTrain(CLI::App& app, Context& context) {
  auto [command, options] =
      AddCommand<Options>(app, context, "train", "Train a network on a dataset", Run);
  command.add_option("--network", options.network, "Network")->required();
  command.add_option("--dataset", options.dataset, "Training set")->required();
  command.add_option("--validation", options.validation,
                     "Dataset whose cost and accuracy are reported each epoch");
  command
      .add_option("--epochs", options.epochs,
                  "Passes over the training set; 0 ends with the initial weights")
      ->required();
  command.add_option("--learning-rate", options.learning_rate, "Step size");
  AddTuning(command, options);
  command.add_option("--id", options.id, "Id of the job (default: the server chooses)")
      ->type_name("JOB");
  command.add_option("--request-id", options.request_id,
                     "Makes a repeated command return the first one's job");
  command.add_flag("--dry-run", options.dry_run, "Show parameters, memory and time; make nothing");
  command.add_flag("--watch", options.watch, "Follow the job until it ends");
}

}  // namespace trainyard::client

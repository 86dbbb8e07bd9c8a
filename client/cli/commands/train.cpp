// trainyard train --network N --dataset D --epochs E --learning-rate A
// trainyard train --preset P

#include <algorithm>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "client/cli/choices.h"
#include "client/cli/commands/command.h"
#include "client/cli/commands/commands.h"
#include "client/cli/job_view.h"
#include "client/cli/live/watch_run.h"
#include "client/cli/polling.h"
#include "client/cli/presets/gate_answers.h"
#include "client/cli/presets/preset.h"
#include "client/cli/presets/preset_maker.h"
#include "client/cli/report.h"
#include "client/cli/training_options.h"
#include "client/lib/names.h"

namespace trainyard::client {
namespace {

struct Options {
  std::string preset;
  bool bias = false;
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
  const auto required = [](const char* option) {
    return absl::InvalidArgumentError(absl::StrCat(option, " is required"));
  };
  if (options.network.empty()) return required("--network");
  if (options.dataset.empty()) return required("--dataset");
  if (!spec.has_epochs()) return required("--epochs");
  if (spec.epochs() > 0 && !spec.has_learning_rate()) return required("--learning-rate");
  return request;
}

// Makes the job, or says why not; returns the exit code.
int CreateJob(Context& context, const Options& options, v1::TrainingJob* job) {
  const absl::StatusOr<v1::CreateTrainingJobRequest> request = MakeRequest(options);
  if (!request.ok()) return ReportUsage(context, request.status());
  const grpc::Status status =
      context.connection().Call(&v1::TrainingService::Stub::CreateTrainingJob, *request, job);
  return status.ok() ? kDone : ReportError(context, status);
}

int WatchToEnd(Context& context, const v1::TrainingJob& job, int every = 1) {
  const WatchOutcome outcome = WatchAndPrint(context, job, 0, every);
  if (outcome.code != kDone) return outcome.code;
  return outcome.state == v1::TrainingJob::SUCCEEDED ? kDone : kFailed;
}

int TrainOne(Context& context, const Options& options) {
  v1::TrainingJob job;
  if (const int code = CreateJob(context, options, &job); code != kDone) return code;
  if (options.dry_run) {
    PrintDryRun(context, job);
    return kDone;
  }
  PrintNewJob(context, job, options.watch);
  return options.watch ? WatchToEnd(context, job) : kDone;
}

// Waits quietly.
int WaitToEnd(Context& context, v1::TrainingJob job) {
  const std::string name = job.name();
  const grpc::Status status =
      PollUntil([&] { return GetJob(context, name, &job); }, [&] { return HasEnded(job.state()); });
  if (!status.ok()) return ReportError(context, status);
  if (job.state() == v1::TrainingJob::SUCCEEDED) return kDone;
  return ReportFailure(context, absl::StrCat("job ", BareId(name), " did not succeed"),
                       job.error());
}

// A job for each gate at once; they are watched, or else waited for, in turn.
int TrainGates(Context& context, Options options, const Preset& preset) {
  constexpr int kLinesOfAJob = 10;
  const std::string id = options.id;
  const std::string request_id = options.request_id;
  std::vector<v1::TrainingJob> jobs;
  for (const std::string& gate : preset.training_sets) {
    options.dataset = gate;
    if (!id.empty()) options.id = absl::StrCat(id, "-", gate);
    if (!request_id.empty()) options.request_id = absl::StrCat(request_id, "-", gate);
    const int code = CreateJob(context, options, &jobs.emplace_back());
    if (code != kDone) return code;
    if (!options.watch) PrintNewJob(context, jobs.back(), true);
  }
  const int every = std::max(1, jobs.front().spec().epochs() / kLinesOfAJob);
  for (const v1::TrainingJob& job : jobs) {
    if (options.watch) PrintNewJob(context, job, true);
    const int code = options.watch ? WatchToEnd(context, job, every) : WaitToEnd(context, job);
    if (code != kDone) return code;
  }
  return PrintGateAnswers(context, jobs);
}

absl::Status CheckPreset(const Options& options, const Preset& preset) {
  if (options.dry_run) {
    return absl::InvalidArgumentError(
        "--dry-run goes without --preset: it makes nothing, and a preset makes what it needs");
  }
  if (preset.training_sets.size() > 1 && !options.dataset.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--dataset goes without --preset ", preset.name, ", which has its own"));
  }
  return absl::OkStatus();
}

int RunPreset(Context& context, Options options) {
  const Preset preset = Adjusted(*FindPreset(options.preset), options.bias, options.training.seed);
  if (auto status = CheckPreset(options, preset); !status.ok()) {
    return ReportUsage(context, status);
  }
  if (options.dataset.empty()) {
    if (const int code = MakePresetDatasets(context, preset); code != kDone) return code;
    options.dataset = preset.training_sets.front();
    if (options.validation.empty()) options.validation = preset.validation_set;
  }
  if (options.network.empty()) {
    if (const int code = MakePresetNetwork(context, preset); code != kDone) return code;
    options.network = preset.network;
  }
  return preset.training_sets.size() > 1 ? TrainGates(context, options, preset)
                                         : TrainOne(context, options);
}

int Run(Context& context, const Options& options) {
  if (!options.preset.empty()) return RunPreset(context, options);
  if (options.bias) {
    return ReportUsage(context, absl::InvalidArgumentError("--bias goes with --preset alone"));
  }
  return TrainOne(context, options);
}

// The preset's values, for options that were not given.
void ApplyPreset(CLI::App& command, const std::string& name) {
  if (name.empty()) return;
  for (const auto& [word, value] : FindPreset(name)->options) {
    CLI::Option& option = *command.get_option(word);
    if (option.count() > 0) continue;
    option.add_result(value);
    option.run_callback();
  }
}

}  // namespace

void AddTrain(CLI::App& app, Context& context) {
  auto [command, options] =
      AddCommand<Options>(app, context, "train", "Train a network on a dataset", Run);
  command
      .add_option("--preset", options.preset,
                  "Makes a network and data where none is given, and sets the options below: "
                  "see the end of this help; gates waits for its jobs")
      ->check(Choices(PresetNames()));
  command.add_flag("--bias", options.bias, "With --preset: a network with biases, also for gates");
  command.add_option("--network", options.network, "Network (needed without --preset)");
  command.add_option("--dataset", options.dataset, "Training set (needed without --preset)");
  command.add_option("--validation", options.validation,
                     "Dataset whose cost and accuracy are reported each epoch");
  AddTrainingOptions(command, options.training);
  command.add_option("--id", options.id, "Id of the job (default: the server chooses)")
      ->type_name("JOB");
  command.add_option("--request-id", options.request_id,
                     "Makes a repeated command return the first one's job");
  command.add_flag("--dry-run", options.dry_run, "Show parameters, memory and time; make nothing");
  command.add_flag("--watch", options.watch, "Follow the job until it ends");
  command.footer(PresetHelp());
  command.parse_complete_callback(
      [&command = command, &preset = options.preset] { ApplyPreset(command, preset); });
}

}  // namespace trainyard::client

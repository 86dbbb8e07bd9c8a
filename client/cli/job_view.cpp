#include "client/cli/job_view.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/cli/network_view.h"
#include "client/cli/options.h"
#include "client/cli/report.h"
#include "client/cli/term/format.h"
#include "client/cli/term/table.h"
#include "client/cli/training_options.h"
#include "client/lib/error.h"
#include "client/lib/names.h"

namespace trainyard::client {
namespace {

std::string Progress(const v1::TrainingJob& job) {
  return absl::StrCat(job.epochs_completed(), "/", job.spec().epochs());
}

std::string Accuracy(const v1::EpochCompleted& epoch) {
  if (epoch.has_validation_accuracy()) return Percent(epoch.validation_accuracy());
  return epoch.has_train_accuracy() ? Percent(epoch.train_accuracy()) : "";
}

std::string ErrorLine(const google::rpc::Status& status) {
  const ErrorDetails error = DecodeError(status);
  return error.reason.empty() ? error.message : absl::StrCat(error.reason, ": ", error.message);
}

void AddResult(const v1::TrainingJob& job, Properties& properties) {
  const v1::EpochCompleted& epoch = job.last_epoch();
  if (job.has_last_epoch()) {
    properties.Add("cost",
                   absl::StrCat(Number(epoch.cost()), "  (mean ", Number(epoch.mean_cost()), ")"));
    if (epoch.has_train_accuracy()) properties.Add("accuracy", Percent(epoch.train_accuracy()));
    if (epoch.has_validation_cost()) {
      properties.Add("validation cost", Number(epoch.validation_cost()));
    }
    if (epoch.has_validation_accuracy()) {
      properties.Add("validation accuracy", Percent(epoch.validation_accuracy()));
    }
  }
  properties.Add("energy", EnergyOf(job));
  properties.Add("weights digest", job.weights_digest());
  properties.Add("checkpoints", absl::StrJoin(job.checkpoint_epochs(), " "));
  properties.Add("kernels", job.kernel_variant());
  properties.Add("created", LocalTime(job.create_time()));
  properties.Add("started", LocalTime(job.start_time()));
  properties.Add("ended", LocalTime(job.end_time()));
}

}  // namespace

Properties SettingsOf(const v1::TrainingJob& job) {
  Properties properties;
  const v1::TrainingJobSpec& spec = job.spec();
  if (job.has_forked_from()) {
    properties.Add("forked from",
                   absl::StrCat(job.forked_from().job(), "  epoch ", job.forked_from().epoch()));
  }
  properties.Add("network", absl::StrCat(spec.network(), "  ", Architecture(job.network_spec())));
  properties.Add("dataset", job.row_count() > 0 ? absl::StrCat(spec.dataset(), "  ",
                                                               Thousands(job.row_count()), " rows")
                                                : spec.dataset());
  properties.Add("validation", spec.validation_dataset());
  properties.Add("epochs", absl::StrCat(spec.epochs()));
  if (spec.has_learning_rate()) properties.Add("learning rate", Number(spec.learning_rate()));
  properties.Add("batch size", absl::StrCat(spec.batch_size()));
  properties.Add("optimizer", OptimizerWords(spec.optimizer()));
  properties.Add("schedule", ScheduleWords(spec.schedule()));
  if (spec.l1() != 0) properties.Add("l1", Number(spec.l1()));
  if (spec.l2() != 0) properties.Add("l2", Number(spec.l2()));
  if (spec.dropout() != 0) properties.Add("dropout", Number(spec.dropout()));
  if (spec.has_early_stopping()) {
    properties.Add("early stopping",
                   absl::StrCat("patience ", spec.early_stopping().patience(), "  min delta ",
                                Number(spec.early_stopping().min_delta())));
  }
  if (spec.gradient_reduction() == v1::SUM) properties.Add("gradients", "summed");
  properties.Add("precision", absl::AsciiStrToLower(v1::Precision_Name(spec.precision())));
  if (spec.has_seed()) properties.Add("seed", absl::StrCat(spec.seed()));
  if (spec.threads() > 1) properties.Add("threads", absl::StrCat("up to ", spec.threads()));
  if (spec.rng() == v1::NUMPY) properties.Add("random numbers", "numpy");
  properties.Add("input scaling", InputScalingWord(spec.input_scaling()));
  return properties;
}

grpc::Status GetJob(Context& context, const std::string& name_or_id, v1::TrainingJob* job) {
  v1::GetTrainingJobRequest request;
  request.set_name(FullName("jobs", name_or_id));
  return context.connection().Call(&v1::TrainingService::Stub::GetTrainingJob, request, job);
}

std::string EnergyOf(const v1::TrainingJob& job) {
  // The course notebook's bulb.
  constexpr double kBulbWatts = 28;
  if (job.energy_source() == v1::ENERGY_SOURCE_UNSPECIFIED) return "";
  return absl::StrCat(WattHours(job.energy_joules()), " (",
                      job.energy_source() == v1::MEASURED ? "measured" : "estimated",
                      "), a 28 W bulb for ", Duration(job.energy_joules() / kBulbWatts));
}

bool HasEnded(v1::TrainingJob::State state) {
  return state == v1::TrainingJob::SUCCEEDED || state == v1::TrainingJob::FAILED ||
         state == v1::TrainingJob::CANCELLED;
}

std::string PaintedState(const Look& look, v1::TrainingJob::State state) {
  const std::string name = v1::TrainingJob::State_Name(state);
  switch (state) {
    case v1::TrainingJob::SUCCEEDED:
      return Painted(look, Paint::kGood, name);
    case v1::TrainingJob::FAILED:
      return Painted(look, Paint::kBad, name);
    case v1::TrainingJob::RUNNING:
      return Painted(look, Paint::kAccent, name);
    default:
      return Painted(look, Paint::kWarning, name);
  }
}

std::string DescribeRun(const v1::TrainingJob& job) {
  std::string text =
      absl::StrCat(BareId(job.spec().dataset()), " -> ", Architecture(job.network_spec()));
  if (job.spec().has_learning_rate()) {
    absl::StrAppend(&text, "  learning rate ", Number(job.spec().learning_rate()));
  }
  return absl::StrCat(text, "  batch ", std::max(1, job.spec().batch_size()));
}

void PrintJob(Context& context, const v1::TrainingJob& job) {
  if (context.json) return PrintJson(context, job);
  const Look look = context.look();
  Properties properties;
  properties.Add("job", job.name());
  properties.Add("state", absl::StrCat(PaintedState(look, job.state()), "  epoch ", Progress(job)));
  if (job.state() == v1::TrainingJob::QUEUED) {
    properties.Add("queue",
                   absl::StrCat("position ", job.queue_position(), "  ", job.queue_reason()));
    if (job.has_queue_wait_seconds()) {
      properties.Add("starts in", absl::StrCat("about ", Duration(job.queue_wait_seconds())));
    }
  }
  if (job.attempt() > 1) properties.Add("attempt", absl::StrCat(job.attempt()));
  if (job.has_error()) properties.Add("error", ErrorLine(job.error()));
  properties.Add(SettingsOf(job));
  AddResult(job, properties);
  context.out() << properties.Render(look);
}

std::string RenderJobs(const Context& context, const v1::ListTrainingJobsResponse& jobs,
                       bool full_names) {
  if (context.json) return absl::StrCat(ToJson(jobs), "\n");
  const Look look = context.look();
  Table table({{"NAME"},
               {"STATE"},
               {"EPOCHS", Align::kRight},
               {"COST", Align::kRight},
               {"ACCURACY", Align::kRight},
               {"NETWORK", Align::kLeft, Table::Yields::kItsEnd},
               {"DATASET", Align::kLeft, Table::Yields::kItsEnd},
               {"CREATED", Align::kLeft, Table::Yields::kItself}});
  for (const v1::TrainingJob& job : jobs.jobs()) {
    const std::string place =
        job.queue_position() > 0 ? absl::StrCat(" ", job.queue_position()) : "";
    table.AddRow({full_names ? job.name() : BareId(job.name()),
                  PaintedState(look, job.state()) + place, Progress(job),
                  job.has_last_epoch() ? Number(job.last_epoch().cost()) : "",
                  Accuracy(job.last_epoch()), BareId(job.spec().network()),
                  BareId(job.spec().dataset()), LocalTime(job.create_time())});
  }
  return table.empty() ? "no jobs; start one with: trainyard train --network N --dataset D "
                         "--epochs E --learning-rate A\n"
                       : table.Render(look);
}

void PrintDryRun(Context& context, const v1::TrainingJob& job) {
  if (context.json) return PrintJson(context, job);
  const v1::TrainingEstimate& estimate = job.estimate();
  Properties properties;
  properties.Add("dry run", "nothing was made");
  properties.Add(SettingsOf(job));
  properties.Add("parameters", Thousands(estimate.parameter_count()));
  properties.Add("memory", absl::StrCat(Bytes(estimate.memory_bytes()), " beside the dataset"));
  properties.Add("time",
                 absl::StrCat("about ", Duration(estimate.seconds_per_epoch()), " an epoch, ",
                              Duration(estimate.total_seconds()), " in all"));
  properties.Add("based on", estimate.measured() ? "epochs that ran on this server"
                                                 : "a stated speed, not measured here yet");
  context.out() << properties.Render(context.look());
}

void PrintNewJob(Context& context, const v1::TrainingJob& job, bool watched) {
  if (context.json) return PrintJson(context, job);
  const Look look = context.look();
  // A live display has a heading of its own.
  if (watched && context.terminal.out_interactive()) return;
  context.out() << "job " << Painted(look, Paint::kBold, BareId(job.name())) << "  "
                << PaintedState(look, job.state()) << "  " << DescribeRun(job) << "\n";
  if (!watched) context.out() << "follow it: trainyard job watch " << BareId(job.name()) << "\n";
  context.out() << std::flush;
}

}  // namespace trainyard::client

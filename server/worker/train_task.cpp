// Trains, and tells the server epoch by epoch.
#include <chrono>
#include <optional>
#include <type_traits>
#include <utility>

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/checkpoint/checkpoint.h"
#include "core/train/trainer.h"
#include "server/convert/dataset.h"
#include "server/convert/network.h"
#include "server/convert/status.h"
#include "server/convert/training.h"
#include "server/store/layout.h"
#include "server/worker/model.h"
#include "server/worker/tasks.h"

namespace trainyard::server {
namespace {

using Clock = std::chrono::steady_clock;
using worker::v1::TrainingOutcome;

constexpr std::chrono::seconds kBetweenCheckpoints{5};
constexpr std::chrono::milliseconds kBetweenProgress{250};

// Everything that a run needs, read and checked.
struct Run {
  NetworkSpec network;
  TrainingRequest request;
  Scaling scaling;
  Dataset training_set;
  std::optional<Dataset> validation_set;
  std::optional<Checkpoint> resume;
  std::string dataset_digest;
};

absl::StatusOr<Run> Prepare(const WorkerContext& context, const worker::v1::TrainTask& task) {
  auto network = ToCore(task.network());
  if (!network.ok()) return network.status();
  auto request = ToCore(task.spec(), network->seed);
  if (!request.ok()) return request.status();
  auto training_set = OpenDataset(context, task.dataset());
  if (!training_set.ok()) return training_set.status();
  Run run{*std::move(network),      *request,     {},
          *std::move(training_set), std::nullopt, std::nullopt,
          task.dataset().digest()};
  if (task.has_validation_dataset()) {
    auto validation_set = OpenDataset(context, task.validation_dataset());
    if (!validation_set.ok()) return validation_set.status();
    run.validation_set = *std::move(validation_set);
  }
  if (!task.resume_path().empty()) {
    auto checkpoint = ReadCheckpoint(context.data_dir / task.resume_path(), run.network);
    if (!checkpoint.ok()) return checkpoint.status();
    run.scaling = checkpoint->header.scaling;
    run.resume = *std::move(checkpoint);
  } else {
    const auto automatic = ToInfo(task.dataset()).auto_scaling;
    run.scaling = FitScaling(ResolveScaling(run.request.scaling, automatic), run.training_set);
  }
  return run;
}

// Hears of epochs and keeps their weights: all in memory, now and then on disk.
template <typename T>
class Recorder final : public TrainingObserver<T> {
 public:
  Recorder(const WorkerContext& context, const worker::v1::TrainTask& task, const Run& run,
           Session& session, const TrainingPosition<T>& start)
      : folder_(Layout(context.data_dir).Checkpoints(task.uid())),
        attempt_(context.attempt),
        run_(run),
        session_(session),
        epoch_(start.epochs_completed),
        parameters_(start.parameters) {}

  absl::Status OnEpoch(const EpochReport& report, const Parameters<T>& parameters) override {
    worker::v1::TrainingFact fact;
    *fact.mutable_epoch() = ToProto(report, run_.training_set.rows());
    session_.Report(std::move(fact));
    epoch_ = report.epoch;
    parameters_ = parameters;
    saved_ = false;
    if (Clock::now() - last_saved_ < kBetweenCheckpoints) return absl::OkStatus();
    return Save();
  }

  void OnProgress(int epoch, std::int64_t rows_done, std::int64_t rows) override {
    const auto now = Clock::now();
    if (epoch != progress_epoch_) {
      progress_epoch_ = epoch;
      epoch_started_ = now;
    }
    if (now - last_progress_ < kBetweenProgress) return;
    last_progress_ = now;
    v1::TrainingProgress progress;
    progress.set_epoch(epoch);
    progress.set_rows_done(rows_done);
    progress.set_row_count(rows);
    const double seconds = std::chrono::duration<double>(now - epoch_started_).count();
    if (seconds > 0) progress.set_samples_per_second(static_cast<double>(rows_done) / seconds);
    session_.Progress(progress);
  }

  // Writes the weights after the last completed epoch, unless they are there.
  absl::Status Save() {
    if (saved_) return absl::OkStatus();
    CheckpointHeader header;
    header.epoch = epoch_;
    header.attempt = attempt_;
    header.kernel_variant = std::string(KernelVariant());
    header.dataset_digest = run_.dataset_digest;
    header.scaling = run_.scaling;
    auto written = WriteCheckpoint(folder_, header, parameters_);
    if (!written.ok()) return written.status();
    worker::v1::TrainingFact fact;
    worker::v1::Checkpoint& checkpoint = *fact.mutable_checkpoint();
    checkpoint.set_epoch(epoch_);
    checkpoint.set_file(written->file_name);
    checkpoint.set_weights_digest(Digest());
    checkpoint.set_size_bytes(written->size_bytes);
    session_.Report(std::move(fact));
    saved_ = true;
    last_saved_ = Clock::now();
    return absl::OkStatus();
  }

  std::string Digest() const { return DigestOf(parameters_); }

 private:
  const std::filesystem::path folder_;
  const int attempt_;
  const Run& run_;
  Session& session_;
  int epoch_;
  Parameters<T> parameters_;
  bool saved_ = false;
  Clock::time_point last_saved_ = Clock::now();
  Clock::time_point last_progress_ = Clock::now();
  Clock::time_point epoch_started_ = Clock::now();
  int progress_epoch_ = 0;
};

TrainingOutcome Failed(const absl::Status& error) {
  TrainingOutcome outcome;
  outcome.set_kind(TrainingOutcome::FAILED);
  *outcome.mutable_error() = ToRpcStatus(error);
  return outcome;
}

template <typename T>
absl::StatusOr<TrainingPosition<T>> StartOf(Run& run) {
  if (!run.resume) return TrainingPosition<T>{0, DrawParameters<T>(run.network)};
  auto* parameters = std::get_if<Parameters<T>>(&run.resume->parameters);
  if (parameters == nullptr) {
    return MakeError(absl::StatusCode::kDataLoss, {"CHECKPOINT_DAMAGED", "", {}},
                     "the checkpoint's precision is not the job's");
  }
  return TrainingPosition<T>{run.resume->header.epoch, std::move(*parameters)};
}

template <typename T>
TrainingOutcome TrainAndRecord(const WorkerContext& context, const worker::v1::TrainTask& task,
                               Run& run, Session& session) {
  auto position = StartOf<T>(run);
  if (!position.ok()) return Failed(position.status());
  Recorder<T> recorder(context, task, run, session, *position);
  const Dataset* validation = run.validation_set ? &*run.validation_set : nullptr;
  absl::Status status = Train<T>(run.network, run.request.spec, run.scaling, run.training_set,
                                 validation, *position, recorder, session.stop());
  const bool cancelled = absl::IsCancelled(status);
  if (!status.ok() && !cancelled) return Failed(status);
  if (auto saved = recorder.Save(); !saved.ok()) return Failed(saved);
  TrainingOutcome outcome;
  outcome.set_kind(cancelled ? TrainingOutcome::CANCELLED : TrainingOutcome::SUCCEEDED);
  outcome.set_weights_digest(recorder.Digest());
  return outcome;
}

}  // namespace

void RunTraining(const WorkerContext& context, const worker::v1::TrainTask& task,
                 Session& session) {
  worker::v1::TrainingFact started;
  started.mutable_started()->set_kernel_variant(std::string(KernelVariant()));
  session.Report(std::move(started));
  worker::v1::WorkerMessage message;
  auto run = Prepare(context, task);
  if (!run.ok()) {
    *message.mutable_training_outcome() = Failed(run.status());
  } else if (run->request.precision == Precision::kF64) {
    *message.mutable_training_outcome() = TrainAndRecord<double>(context, task, *run, session);
  } else {
    *message.mutable_training_outcome() = TrainAndRecord<float>(context, task, *run, session);
  }
  session.Finish(message);
}

}  // namespace trainyard::server

// Trains, and tells the server epoch by epoch.
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <span>
#include <thread>
#include <type_traits>
#include <utility>

#include "core/base/error.h"
#include "core/base/file.h"
#include "core/base/text.h"
#include "core/checkpoint/checkpoint.h"
#include "core/energy/energy_meter.h"
#include "core/train/trainer.h"
#include "server/convert/dataset.h"
#include "server/convert/given_weights.h"
#include "server/convert/network.h"
#include "server/convert/status.h"
#include "server/convert/training.h"
#include "server/store/layout.h"
#include "server/store/worker_lock.h"
#include "server/worker/model.h"
#include "server/worker/tasks.h"

namespace trainyard::server {
namespace {

using Clock = std::chrono::steady_clock;
using worker::v1::TrainingOutcome;

constexpr std::chrono::seconds kBetweenCheckpoints{5};
// To save on a full disk.
constexpr std::chrono::seconds kBetweenTries{1};
constexpr std::chrono::milliseconds kBetweenProgress{250};

// The same bytes for the same message.
template <typename Message>
std::string Deterministic(const Message& message) {
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream output(&stream);
    output.SetSerializationDeterministic(true);
    message.SerializeToCodedStream(&output);
  }
  return bytes;
}

// Everything that a run needs, read and checked.
struct Run {
  NetworkSpec network;
  TrainingRequest request;
  Scaling scaling;
  Dataset training_set;
  std::optional<Dataset> validation_set;
  std::optional<Checkpoint> resume;
  // Whether a newer one than that is damaged.
  bool newer_damaged = false;
  std::string dataset_digest;
};

// Of all that decides the bytes of a result but the dataset.
std::string SpecDigestOf(const worker::v1::TrainTask& task) {
  Sha256 digest;
  for (const std::string& part : {Deterministic(task.network()), Deterministic(task.spec())}) {
    digest.Update(std::span(reinterpret_cast<const std::uint8_t*>(part.data()), part.size()));
  }
  return digest.HexDigest();
}

void Warn(Session& session, const std::string& reason, const std::string& message) {
  worker::v1::TrainingFact fact;
  fact.mutable_warning()->set_reason(reason);
  fact.mutable_warning()->set_message(message);
  session.Report(std::move(fact));
}

// The checkpoint to go on from; none where the run begins. One that is damaged
// costs the epochs since the one before, which come out the same.
absl::StatusOr<std::optional<Checkpoint>> NewestWhole(const WorkerContext& context,
                                                      const worker::v1::TrainTask& task,
                                                      const NetworkSpec& network, Session& session,
                                                      bool& newer_damaged) {
  absl::Status last;
  for (const std::string& path : task.resume_paths()) {
    auto checkpoint = ReadCheckpoint(context.data_dir / path, network);
    if (checkpoint.ok()) {
      if (checkpoint->header.kernel_variant != KernelVariant()) {
        Warn(session, "KERNEL_VARIANT_CHANGED",
             StrCat("goes on with kernels ", KernelVariant(), " from a state of kernels ",
                    checkpoint->header.kernel_variant,
                    ": the result is not bit-identical to an undisturbed run"));
      }
      newer_damaged = !last.ok();
      return *std::move(checkpoint);
    }
    last = checkpoint.status();
    Warn(session, GetErrorDetails(last).reason, std::string(last.message()));
  }
  if (task.forked() && !last.ok()) return last;
  return std::nullopt;
}

absl::StatusOr<Run> Prepare(const WorkerContext& context, const worker::v1::TrainTask& task,
                            Session& session) {
  auto network = ToCore(task.network());
  if (!network.ok()) return network.status();
  if (!task.forked()) {
    if (auto given = GiveWeights(task.initial_weights(), *network); !given.ok()) return given;
  }
  auto request = ToCore(task.spec(), network->seed);
  if (!request.ok()) return request.status();
  auto training_set = OpenDataset(context, task.dataset());
  if (!training_set.ok()) return training_set.status();
  Run run{*std::move(network), *request,     {},    *std::move(training_set),
          std::nullopt,        std::nullopt, false, task.dataset().digest()};
  if (task.has_validation_dataset()) {
    auto validation_set = OpenDataset(context, task.validation_dataset());
    if (!validation_set.ok()) return validation_set.status();
    run.validation_set = *std::move(validation_set);
  }
  auto resume = NewestWhole(context, task, run.network, session, run.newer_damaged);
  if (!resume.ok()) return resume.status();
  if (*resume) {
    run.scaling = (*resume)->header.scaling;
    run.resume = **std::move(resume);
  } else {
    const auto automatic = ToInfo(task.dataset()).auto_scaling;
    run.scaling = FitScaling(ResolveScaling(run.request.scaling, automatic), run.training_set);
  }
  return run;
}

void SetEnergy(const Energy& energy, v1::EpochCompleted* epoch) {
  epoch->set_energy_joules(energy.joules);
  epoch->set_energy_source(energy.source == EnergySource::kMeasured ? v1::MEASURED : v1::ESTIMATED);
}

bool Cancelled(const Session& session) {
  return session.stop().stop_requested() && !session.pausing();
}

// Hears of epochs, and saves the state of the run now and then.
template <typename T>
class Recorder final : public TrainingObserver<T> {
 public:
  Recorder(const WorkerContext& context, const worker::v1::TrainTask& task, const Run& run,
           const TrainingState<T>& start, Session& session)
      : folder_(Layout(context.data_dir).Checkpoints(task.uid())),
        task_(task),
        run_(run),
        session_(session),
        energy_({.watts_per_core = task.watts_per_core()}) {
    header_.attempt = context.attempt;
    header_.kernel_variant = std::string(KernelVariant());
    header_.dataset_digest = run.dataset_digest;
    header_.spec_digest = SpecDigestOf(task);
    header_.scaling = run.scaling;
    // What a run goes on from is there; written again, it replaces what is damaged.
    if (run.resume && !run.newer_damaged) Saved(start);
  }

  absl::Status OnEpoch(const EpochReport& report, const StateSource<T>& state) override {
    worker::v1::TrainingFact fact;
    *fact.mutable_epoch() = ToProto(report, run_.training_set.rows());
    SetEnergy(energy_.Read(), fact.mutable_epoch());
    session_.Report(std::move(fact));
    session_.EndEpoch();
    // Each is asked for, so the run waits for space.
    if (task_.spec().keep_checkpoints() < 0) return SaveWhenPossible(state());
    return DueForSaving() ? SaveIfPossible(state()) : absl::OkStatus();
  }

  absl::Status OnProgress(int epoch, std::int64_t rows_done, std::int64_t rows,
                          const PlaceSource<T>& source) override {
    TellProgress(epoch, rows_done, rows);
    if (!source || !DueForSaving()) return absl::OkStatus();
    const EpochPlace<T> place = source();
    if (EndsEpoch(place.last_end)) {
      if (auto saved = SaveIfPossible(place.last_end); !saved.ok()) return saved;
    }
    return SaveIfPossible(place.here);
  }

  // A run that is paused goes on from here, and may be cancelled before it does; one that
  // is cancelled keeps the end of its last epoch.
  absl::Status OnStop(const EpochPlace<T>& place) override {
    paused_within_ = session_.pausing();
    if (!paused_within_) return absl::OkStatus();
    if (EndsEpoch(place.last_end)) {
      if (auto saved = SaveWhenPossible(place.last_end); !saved.ok()) return saved;
    }
    return SaveWhenPossible(place.here);
  }

  // Writes what a run has come to: the end of an epoch, unless a pause has saved
  // a later place, or this run began within an epoch and came to no end: then the
  // worker before it has written the end that counts. Who cancels does not wait for
  // space.
  absl::Status SaveLast(const TrainingState<T>& state, bool cancelled) {
    if (paused_within_ || !EndsEpoch(state)) return absl::OkStatus();
    return cancelled ? SaveIfPossible(state) : SaveWhenPossible(state);
  }

  // Whether this state is the last one written, or the last end of an epoch that was.
  bool HasSaved(const TrainingState<T>& state) const {
    return saved_ == PlaceOf(state) || saved_end_ == PlaceOf(state);
  }

 private:
  // Epochs completed, and samples of the next one.
  using Place = std::pair<int, std::int64_t>;

  static bool EndsEpoch(const TrainingState<T>& state) { return state.samples == 0; }
  static Place PlaceOf(const TrainingState<T>& state) {
    return {state.epochs_completed, state.samples};
  }

  void Saved(const TrainingState<T>& state) {
    saved_ = PlaceOf(state);
    if (EndsEpoch(state)) saved_end_ = saved_;
  }

  // Writes a state, unless it has been.
  absl::Status Save(const TrainingState<T>& state) {
    if (HasSaved(state)) return absl::OkStatus();
    header_.slots.clear();
    if (!state.slots.empty()) {
      for (const auto name : SlotNamesOf(run_.request.spec.optimizer)) {
        header_.slots.emplace_back(name);
      }
    }
    auto written = WriteCheckpoint(folder_, header_, state);
    if (!written.ok()) return written.status();
    Tell(state, *written);
    Saved(state);
    last_saved_ = Clock::now();
    return absl::OkStatus();
  }

  // On a full disk the run goes on, and tries again when the next one is due.
  absl::Status SaveIfPossible(const TrainingState<T>& state) {
    const auto status = Save(state);
    if (!IsDiskFull(status)) return status;
    last_saved_ = Clock::now();
    Warn();
    return absl::OkStatus();
  }

  // On a full disk the run waits until there is space, or nobody to tell.
  // CANCELLED where it has been cancelled meanwhile.
  absl::Status SaveWhenPossible(const TrainingState<T>& state) {
    while (true) {
      const auto status = Save(state);
      if (!IsDiskFull(status) || session_.broken()) return status;
      if (Cancelled(session_)) return absl::CancelledError("cancelled before there was space");
      Warn();
      std::this_thread::sleep_for(kBetweenTries);
    }
  }

  void Warn() {
    if (std::exchange(warned_, true)) return;
    worker::v1::TrainingFact fact;
    fact.mutable_warning()->set_reason("DISK_FULL");
    fact.mutable_warning()->set_message(
        "the server's disk is full: weights are saved when there is space again; delete "
        "datasets or jobs");
    session_.Report(std::move(fact));
  }

  bool DueForSaving() const { return Clock::now() - last_saved_ >= kBetweenCheckpoints; }

  void Tell(const TrainingState<T>& state, const WrittenCheckpoint& written) {
    worker::v1::TrainingFact fact;
    worker::v1::Checkpoint& checkpoint = *fact.mutable_checkpoint();
    checkpoint.set_epoch(state.epochs_completed);
    checkpoint.set_sample(state.samples);
    checkpoint.set_file(written.file_name);
    checkpoint.set_weights_digest(DigestOf(state.parameters));
    checkpoint.set_size_bytes(written.size_bytes);
    session_.Report(std::move(fact));
  }

  void TellProgress(int epoch, std::int64_t rows_done, std::int64_t rows) {
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

  const std::filesystem::path folder_;
  const worker::v1::TrainTask& task_;
  const Run& run_;
  Session& session_;
  EnergyMeter energy_;
  CheckpointHeader header_;
  std::optional<Place> saved_;
  std::optional<Place> saved_end_;
  bool paused_within_ = false;
  bool warned_ = false;
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
absl::StatusOr<TrainingState<T>> StartOf(Run& run) {
  if (!run.resume) return InitialState<T>(run.network, run.request.spec);
  auto* state = std::get_if<TrainingState<T>>(&run.resume->state);
  if (state == nullptr) {
    return MakeError(absl::StatusCode::kDataLoss, {"CHECKPOINT_DAMAGED", "", {}},
                     "the checkpoint's precision is not the job's");
  }
  // A fork may have another optimiser, which begins without memory.
  const auto names = SlotNamesOf(run.request.spec.optimizer);
  if (!std::ranges::equal(run.resume->header.slots, names)) {
    state->slots.clear();
    state->updates = 0;
  }
  return std::move(*state);
}

template <typename T>
TrainingOutcome TrainAndRecord(const WorkerContext& context, const worker::v1::TrainTask& task,
                               Run& run, Session& session) {
  auto state = StartOf<T>(run);
  if (!state.ok()) return Failed(state.status());
  Recorder<T> recorder(context, task, run, *state, session);
  const Dataset* validation = run.validation_set ? &*run.validation_set : nullptr;
  absl::Status status = Train<T>(run.network, run.request.spec, run.scaling, run.training_set,
                                 validation, *state, recorder, session.stop());
  const bool stopped = absl::IsCancelled(status);
  if (!status.ok() && !stopped) return Failed(status);
  // Nobody would hear of the weights, and the job's next worker has begun.
  if (stopped && session.broken()) return {};
  TrainingOutcome outcome;
  auto saved = recorder.SaveLast(*state, stopped && !session.pausing());
  if (absl::IsCancelled(saved)) {
    outcome.set_kind(TrainingOutcome::CANCELLED);
    return outcome;
  }
  if (!saved.ok()) return Failed(saved);
  if (stopped && session.pausing()) {
    outcome.set_kind(TrainingOutcome::PAUSED);
    outcome.set_reason(session.pause_reason());
    return outcome;
  }
  outcome.set_kind(stopped ? TrainingOutcome::CANCELLED : TrainingOutcome::SUCCEEDED);
  if (recorder.HasSaved(*state)) outcome.set_weights_digest(DigestOf(state->parameters));
  if (!stopped && StoppedEarly(run.request.spec, *state)) {
    outcome.set_reason(StrCat("stopped early: the validation cost was lowest in epoch ",
                              state->best_epoch, " (", state->best_validation_cost, ")"));
  }
  return outcome;
}

// The lock holds the process's id, which on a full disk has to wait for space.
absl::StatusOr<WorkerLock> LockWhenPossible(const Layout& layout, const std::string& uid,
                                            const Session& session) {
  while (true) {
    auto lock = WorkerLock::Acquire(layout, uid, session.stop());
    if (!IsDiskFull(lock.status()) || session.stop().stop_requested()) return lock;
    std::this_thread::sleep_for(kBetweenTries);
  }
}

// Of a run that was stopped before it began.
void TellStopped(Session& session) {
  worker::v1::WorkerMessage message;
  message.mutable_training_outcome()->set_kind(session.pausing() ? TrainingOutcome::PAUSED
                                                                 : TrainingOutcome::CANCELLED);
  message.mutable_training_outcome()->set_reason(session.pause_reason());
  session.Finish(message);
}

}  // namespace

std::optional<WorkerLock> RunTraining(const WorkerContext& context,
                                      const worker::v1::TrainTask& task, Session& session) {
  // A server that starts again knows by it that we live. Before the first report, after
  // which we outlive a server.
  auto lock = LockWhenPossible(Layout(context.data_dir), task.uid(), session);
  if (!lock.ok()) {
    spdlog::error("{}", lock.status().ToString());
    if (session.stop().stop_requested() && !session.broken()) TellStopped(session);
    return std::nullopt;
  }
  worker::v1::TrainingFact started;
  started.mutable_started()->set_kernel_variant(std::string(KernelVariant()));
  session.Report(std::move(started));
  worker::v1::WorkerMessage message;
  auto run = Prepare(context, task, session);
  if (!run.ok()) {
    *message.mutable_training_outcome() = Failed(run.status());
  } else if (run->request.precision == Precision::kF64) {
    *message.mutable_training_outcome() = TrainAndRecord<double>(context, task, *run, session);
  } else {
    *message.mutable_training_outcome() = TrainAndRecord<float>(context, task, *run, session);
  }
  session.Finish(message);
  return *std::move(lock);
}

}  // namespace trainyard::server

#include "core/train/trainer.h"

#include <chrono>
#include <cmath>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/error.h"
#include "core/base/thread_team.h"
#include "core/eval/dataset_pass.h"
#include "core/kernels/variant.h"
#include "core/rng/philox.h"
#include "core/train/epoch_runner.h"

namespace trainyard {
namespace {

using Clock = std::chrono::steady_clock;

// Copying the state after an epoch that took longer than this costs nothing;
// shorter ones are finished when a run is stopped, and need no copy.
constexpr double kShortEpochSeconds = 0.1;

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

absl::Status Diverged(int epoch, double cost) {
  return MakeError(absl::StatusCode::kFailedPrecondition,
                   {"DIVERGED", "", {{"epoch", std::to_string(epoch)}}},
                   absl::StrCat("the cost of epoch ", epoch, " is ", cost,
                                ": the training diverged; try a smaller learning rate"));
}

absl::Status Stopped() {
  return MakeError(absl::StatusCode::kCancelled, {"STOPPED", "", {}}, "the training was stopped");
}

// One run: what lasts from epoch to epoch.
template <typename T>
class Run {
 public:
  Run(const NetworkSpec& network, const TrainingSpec& spec, const Scaling& scaling,
      const Dataset& training_set, const Dataset* validation_set, TrainingState<T>& state,
      TrainingObserver<T>& observer, std::stop_token stop)
      : spec_(spec),
        training_set_(training_set),
        validation_set_(validation_set),
        state_(state),
        observer_(observer),
        stop_(std::move(stop)),
        now_(state),
        network_(network, state.parameters),
        team_(spec.threads),
        epochs_(network, spec, scaling, training_set, team_),
        training_pass_(network, scaling, training_set, team_) {
    if (validation_set != nullptr) {
      validation_pass_.emplace(network, scaling, *validation_set, team_);
    }
    RestoreSlots();
  }

  absl::Status Epochs() {
    absl::Status status;
    while (status.ok() && now_.epochs_completed < spec_.epochs && !StoppedEarly(spec_, now_)) {
      status = stop_.stop_requested() ? Stopped() : Epoch();
    }
    if (!copied_ && !diverged_) state_ = Current();
    return status;
  }

 private:
  using Slots = std::span<PackedNetwork<T>>;

  Slots SlotsNow() {
    return epochs_.optimizer() == nullptr ? Slots{} : epochs_.optimizer()->slots();
  }

  void RestoreSlots() {
    const Slots slots = SlotsNow();
    for (std::size_t i = 0; i < std::min(slots.size(), now_.slots.size()); ++i) {
      slots[i].CopyFrom(now_.slots[i]);
    }
  }

  // now_ with the weights of this moment.
  const TrainingState<T>& Current() {
    network_.CopyTo(now_.parameters);
    const Slots slots = SlotsNow();
    now_.slots.resize(slots.size(), Parameters<T>(network_.spec()));
    for (std::size_t i = 0; i < slots.size(); ++i) slots[i].CopyTo(now_.slots[i]);
    return now_;
  }

  // Where epochs are copied.
  EpochPlace<T> Place() { return {Current(), state_}; }

  absl::Status Epoch() {
    EpochReport report;
    report.epoch = now_.epochs_completed + 1;
    if (absl::Status s = Updates(report); !s.ok()) return s;
    if (absl::Status s = Measure(report); !s.ok()) return s;
    return Complete(report);
  }

  // The order of the next epoch, and the generator after it.
  std::vector<std::uint32_t> DrawOrder() {
    const auto rows = static_cast<std::uint32_t>(training_set_.rows());
    if (!now_.generator) {
      return RandomPermutation(rows, spec_.seed,
                               static_cast<std::uint32_t>(now_.epochs_completed + 1));
    }
    Mt19937 generator(*now_.generator);
    std::vector<std::uint32_t> order = generator.Permutation(rows);
    generator_after_ = generator.state();
    return order;
  }

  absl::Status Updates(EpochReport& report) {
    const auto start = Clock::now();
    const double before = now_.seconds;
    absl::Status told;
    const auto place_at = [&](std::int64_t rows_done) {
      now_.samples = rows_done;
      now_.updates = epochs_.updates();
      now_.seconds = before + SecondsSince(start);
    };
    const std::int64_t rows = training_set_.rows();
    PlaceSource<T> place;
    if (copied_) place = [this] { return Place(); };
    const std::int64_t done = epochs_.Run(
        network_, {report.epoch, now_.samples, DrawOrder(), now_.updates},
        [&](std::int64_t rows_done) {
          place_at(rows_done);
          told = observer_.OnProgress(report.epoch, rows_done, rows, place);
          return told.ok();
        },
        [this] { return copied_ && stop_.stop_requested(); });
    if (!told.ok()) return told;
    place_at(done);
    report.learning_rate = epochs_.learning_rate();
    if (done == rows) return absl::OkStatus();
    told = observer_.OnStop(Place());
    return told.ok() ? Stopped() : told;
  }

  // The cost pass and validation: what a stop there loses is done again. Both
  // begin with the weights alone, so that the place is that of the last update.
  absl::Status Measure(EpochReport& report) {
    const auto start = Clock::now();
    const std::stop_token stop = copied_ ? stop_ : std::stop_token();
    const std::optional<CostResult> training =
        CostOf(training_pass_, network_, training_set_, stop);
    report.seconds = now_.seconds + SecondsSince(start);
    if (!training) return StoppedInPass();
    report.cost = training->cost;
    report.mean_cost = training->cost / static_cast<double>(training_set_.rows());
    report.train_accuracy = training->accuracy;
    if (!std::isfinite(report.cost)) {
      diverged_ = true;
      return Diverged(report.epoch, report.cost);
    }
    if (!validation_pass_) return absl::OkStatus();
    const std::optional<CostResult> validation =
        CostOf(*validation_pass_, network_, *validation_set_, stop);
    if (!validation) return StoppedInPass();
    report.validation_cost = validation->cost;
    report.validation_accuracy = validation->accuracy;
    return absl::OkStatus();
  }

  absl::Status StoppedInPass() {
    const absl::Status told = observer_.OnStop(Place());
    return told.ok() ? Stopped() : told;
  }

  absl::Status Complete(const EpochReport& report) {
    now_.epochs_completed = report.epoch;
    now_.samples = 0;
    now_.seconds = 0;
    if (generator_after_) now_.generator = generator_after_;
    if (spec_.early_stopping && report.validation_cost) RememberBest(report);
    copied_ = report.seconds > kShortEpochSeconds;
    if (copied_) state_ = Current();
    return observer_.OnEpoch(
        report, [this]() -> const TrainingState<T>& { return copied_ ? state_ : Current(); });
  }

  void RememberBest(const EpochReport& report) {
    const double delta = spec_.early_stopping->min_delta;
    if (now_.best_epoch > 0 && !(*report.validation_cost < now_.best_validation_cost - delta)) {
      return;
    }
    now_.best_epoch = report.epoch;
    now_.best_validation_cost = *report.validation_cost;
  }

  const TrainingSpec& spec_;
  const Dataset& training_set_;
  const Dataset* validation_set_;
  // The end of the last epoch where copied_, else of an earlier one.
  TrainingState<T>& state_;
  TrainingObserver<T>& observer_;
  std::stop_token stop_;
  // Where the run is; parameters and slots are those of the last Current().
  TrainingState<T> now_;
  bool copied_ = true;
  bool diverged_ = false;
  std::optional<Mt19937::State> generator_after_;
  PackedNetwork<T> network_;
  ThreadTeam team_;
  EpochRunner<T> epochs_;
  DatasetPass<T> training_pass_;
  std::optional<DatasetPass<T>> validation_pass_;
};

}  // namespace

template <typename T>
absl::Status Train(const NetworkSpec& network, const TrainingSpec& spec, const Scaling& scaling,
                   const Dataset& training_set, const Dataset* validation_set,
                   TrainingState<T>& state, TrainingObserver<T>& observer, std::stop_token stop) {
  // Nothing to do, and nothing to allocate for it.
  if (state.epochs_completed >= spec.epochs) return absl::OkStatus();
  Run<T> run(network, spec, scaling, training_set, validation_set, state, observer,
             std::move(stop));
  return run.Epochs();
}

std::string_view KernelVariant() { return ActiveVariant(); }

template absl::Status Train(const NetworkSpec&, const TrainingSpec&, const Scaling&, const Dataset&,
                            const Dataset*, TrainingState<float>&, TrainingObserver<float>&,
                            std::stop_token);
template absl::Status Train(const NetworkSpec&, const TrainingSpec&, const Scaling&, const Dataset&,
                            const Dataset*, TrainingState<double>&, TrainingObserver<double>&,
                            std::stop_token);

}  // namespace trainyard

#include "core/train/trainer.h"

#include <chrono>
#include <cmath>
#include <optional>

#include "absl/strings/str_cat.h"
#include "core/base/error.h"
#include "core/eval/dataset_pass.h"
#include "core/kernels/variant.h"
#include "core/train/epoch_runner.h"

namespace trainyard {
namespace {

double SecondsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
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
      const Dataset& training_set, const Dataset* validation_set, TrainingPosition<T>& position,
      TrainingObserver<T>& observer, std::stop_token stop)
      : spec_(spec),
        training_set_(training_set),
        validation_set_(validation_set),
        position_(position),
        observer_(observer),
        stop_(std::move(stop)),
        network_(network, position.parameters),
        epochs_(network, spec, scaling, training_set, observer),
        training_pass_(network, scaling, training_set) {
    if (validation_set != nullptr) validation_pass_.emplace(network, scaling, *validation_set);
  }

  absl::Status Epochs() {
    while (position_.epochs_completed < spec_.epochs) {
      const absl::StatusOr<EpochReport> report = Epoch(position_.epochs_completed + 1);
      network_.CopyTo(position_.parameters);
      if (!report.ok()) return report.status();
      position_.epochs_completed = report->epoch;
      if (absl::Status s = observer_.OnEpoch(*report, position_.parameters); !s.ok()) return s;
    }
    return absl::OkStatus();
  }

 private:
  absl::StatusOr<EpochReport> Epoch(int epoch) {
    const auto start = std::chrono::steady_clock::now();
    if (!epochs_.Run(network_, epoch, stop_)) return Stopped();
    const std::optional<CostResult> training =
        CostOf(training_pass_, network_, training_set_, stop_);
    if (!training) return Stopped();

    EpochReport report;
    report.seconds = SecondsSince(start);
    report.epoch = epoch;
    report.cost = training->cost;
    report.mean_cost = training->cost / static_cast<double>(training_set_.rows());
    report.train_accuracy = training->accuracy;
    report.learning_rate = spec_.learning_rate;
    if (!std::isfinite(report.cost)) return Diverged(epoch, report.cost);
    if (!validation_pass_) return report;

    const std::optional<CostResult> validation =
        CostOf(*validation_pass_, network_, *validation_set_, stop_);
    if (!validation) return Stopped();
    report.validation_cost = validation->cost;
    report.validation_accuracy = validation->accuracy;
    return report;
  }

  const TrainingSpec& spec_;
  const Dataset& training_set_;
  const Dataset* validation_set_;
  TrainingPosition<T>& position_;
  TrainingObserver<T>& observer_;
  std::stop_token stop_;
  PackedNetwork<T> network_;
  EpochRunner<T> epochs_;
  DatasetPass<T> training_pass_;
  std::optional<DatasetPass<T>> validation_pass_;
};

}  // namespace

template <typename T>
absl::Status Train(const NetworkSpec& network, const TrainingSpec& spec, const Scaling& scaling,
                   const Dataset& training_set, const Dataset* validation_set,
                   TrainingPosition<T>& position, TrainingObserver<T>& observer,
                   std::stop_token stop) {
  // Nothing to do, and nothing to allocate for it.
  if (position.epochs_completed >= spec.epochs) return absl::OkStatus();
  Run<T> run(network, spec, scaling, training_set, validation_set, position, observer,
             std::move(stop));
  return run.Epochs();
}

std::string_view KernelVariant() { return ActiveVariant(); }

template absl::Status Train(const NetworkSpec&, const TrainingSpec&, const Scaling&, const Dataset&,
                            const Dataset*, TrainingPosition<float>&, TrainingObserver<float>&,
                            std::stop_token);
template absl::Status Train(const NetworkSpec&, const TrainingSpec&, const Scaling&, const Dataset&,
                            const Dataset*, TrainingPosition<double>&, TrainingObserver<double>&,
                            std::stop_token);

}  // namespace trainyard

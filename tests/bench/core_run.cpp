// Trains through core alone, on a dataset as it lies in a server's data
// directory, and prints an epoch a line: what a service costs is the difference.
#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <string>
#include <vector>

#include "core/data/scaling.h"
#include "core/train/trainer.h"

namespace trainyard {
namespace {

using Clock = std::chrono::steady_clock;

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Keeps what it hears, so that printing takes no time from training.
class Listener final : public TrainingObserver<float> {
 public:
  absl::Status OnEpoch(const EpochReport& report, const StateSource<float>&) override {
    reports_.push_back(report);
    return absl::OkStatus();
  }
  absl::Status OnProgress(int, std::int64_t, std::int64_t, const PlaceSource<float>&) override {
    return absl::OkStatus();
  }
  absl::Status OnStop(const EpochPlace<float>&) override { return absl::OkStatus(); }
  const std::vector<EpochReport>& reports() const { return reports_; }

 private:
  std::vector<EpochReport> reports_;
};

int Run(const std::string& folder, const std::vector<int>& layers, const TrainingSpec& spec) {
  const auto dataset = Dataset::Open(folder);
  if (!dataset.ok()) {
    std::cerr << dataset.status() << "\n";
    return 1;
  }
  NetworkSpec network;
  network.inputs = layers.front();
  network.seed = spec.seed;
  for (std::size_t i = 1; i < layers.size(); ++i) {
    network.layers.push_back({layers[i], Activation::kSigmoid});
  }
  Scaling scaling;
  scaling.kind = ScalingKind::kDivideBy255;
  TrainingState<float> state = InitialState<float>(network, spec);
  Listener listener;
  const auto start = Clock::now();
  const auto status = Train<float>(network, spec, scaling, *dataset, nullptr, state, listener, {});
  const double seconds = SecondsSince(start);
  if (!status.ok()) {
    std::cerr << status << "\n";
    return 1;
  }
  for (const EpochReport& report : listener.reports()) {
    std::printf("{\"epoch\": %d, \"cost\": %.17g, \"accuracy\": %.17g, \"seconds\": %.9f}\n",
                report.epoch, report.cost, report.train_accuracy.value_or(0), report.seconds);
  }
  std::printf("{\"seconds\": %.9f, \"weights_digest\": \"%s\"}\n", seconds,
              DigestOf(state.parameters).c_str());
  return 0;
}

}  // namespace
}  // namespace trainyard

int main(int argc, char** argv) {
  std::string folder;
  std::vector<int> layers;
  trainyard::TrainingSpec spec;
  CLI::App cli("Trains sigmoid layers through core alone");
  cli.add_option("--dataset", folder, "Folder with features.npy and targets.npy")->required();
  cli.add_option("--layers", layers, "Units of every layer, inputs first")
      ->delimiter(',')
      ->required();
  cli.add_option("--epochs", spec.epochs, "Epochs")->required();
  cli.add_option("--learning-rate", spec.learning_rate, "Step size")->required();
  cli.add_option("--batch-size", spec.batch_size, "Samples in a mini-batch");
  cli.add_option("--seed", spec.seed, "Seed of weights and permutations");
  bool adam = false;
  cli.add_flag("--adam", adam, "Adam instead of gradient descent");
  CLI11_PARSE(cli, argc, argv);
  if (adam) spec.optimizer = trainyard::AdamSpec{};
  return trainyard::Run(folder, layers, spec);
}

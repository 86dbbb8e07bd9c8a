// What a run asks of its hyperparameters, its data and the machine.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "core/base/error.h"
#include "core/eval/batch_forward.h"
#include "core/eval/evaluation.h"
#include "core/nn/packed_network.h"
#include "core/train/sample_step.h"
#include "core/train/trainer.h"

namespace trainyard {
namespace {

// Each is right by itself; together they are not.
absl::Status Misfit(std::string_view field, std::string_view reason, std::string_view message) {
  return MakeError(absl::StatusCode::kFailedPrecondition,
                   {std::string(reason), std::string(field), {}}, message);
}

absl::Status CheckClasses(const NetworkSpec& network, const DatasetInfo& dataset, bool training) {
  const int classes = ClassesOf(network);
  if (classes == dataset.class_count) return absl::OkStatus();
  const std::string outputs = absl::StrCat(
      "the network has ", network.outputs(), network.outputs() == 1 ? " output" : " outputs",
      ", for ", classes, " classes, and the dataset has ", dataset.class_count);
  if (training) {
    return Misfit("network", "OUTPUT_COUNT_MISMATCH",
                  absl::StrCat(outputs,
                               "; use a network with one output for each class, or one "
                               "output for two classes"));
  }
  // An evaluation set may lack classes.
  if (dataset.class_count < classes) return absl::OkStatus();
  return Misfit("dataset", "OUTPUT_COUNT_MISMATCH",
                absl::StrCat(outputs,
                             "; a network cannot be evaluated on classes that it "
                             "does not know, so use a dataset with at most ",
                             classes));
}

absl::Status CheckTargets(const NetworkSpec& network, const DatasetInfo& dataset) {
  if (network.outputs() != dataset.target_count) {
    return Misfit("network", "OUTPUT_COUNT_MISMATCH",
                  absl::StrCat("the network has ", network.outputs(),
                               " outputs and the dataset has ", dataset.target_count,
                               " targets; use a network with one output for each target"));
  }
  if (network.loss == Loss::kTotalSquaredError) return absl::OkStatus();
  return Misfit("network", "LOSS_NOT_FOR_REGRESSION",
                "the dataset is for regression, and cross entropy is for classes; use a "
                "network with total squared error");
}

}  // namespace

absl::Status CheckFit(const NetworkSpec& network, const DatasetInfo& dataset, bool training) {
  if (dataset.rows < 1) {
    return Misfit("dataset", "DATASET_EMPTY", "the dataset has no rows; use one that has some");
  }
  if (network.inputs != dataset.features) {
    return Misfit(training ? "network" : "dataset", "INPUT_COUNT_MISMATCH",
                  absl::StrCat("the network has ", network.inputs, " inputs and the dataset has ",
                               dataset.features, " features; the two must be equal"));
  }
  return dataset.task == Task::kClassification ? CheckClasses(network, dataset, training)
                                               : CheckTargets(network, dataset);
}

std::int64_t TrainingMemoryBytes(const NetworkSpec& network, const TrainingSpec& spec,
                                 Precision precision) {
  const bool f32 = precision == Precision::kF32;
  const std::int64_t size = f32 ? sizeof(float) : sizeof(double);
  const std::int64_t packed = f32 ? PackedNetwork<float>::ElementCount(network)
                                  : PackedNetwork<double>::ElementCount(network);
  std::int64_t units = 0;
  for (const LayerSpec& layer : network.layers) units += layer.units;

  const std::int64_t pass_rows = RowsAtOnce(network);
  const bool batches = spec.batch_size > 1;
  const std::int64_t piece_rows =
      batches ? std::min(std::int64_t{spec.batch_size}, pass_rows) : SampleStep<float>::kWindow;
  // Column numbers and values of the inputs that are not zero, at most all.
  const std::int64_t input_entry = size + std::int64_t{sizeof(std::int32_t)};
  // Cost passes over a training and a validation set.
  std::int64_t bytes = 2 * pass_rows * (network.inputs * input_entry + units * size);
  bytes += piece_rows * (2 * network.inputs * input_entry + 2 * units * size);
  if (!batches) {
    bytes += size * (f32 ? SampleStep<float>::ElementCount(network)
                         : SampleStep<double>::ElementCount(network));
  }
  const auto slots = static_cast<std::int64_t>(SlotNamesOf(spec.optimizer).size());
  // The weights and what the optimiser remembers, as they are used and as they
  // are copied; a gradient.
  bytes += (1 + slots) * (ParameterCount(network) + packed) * size;
  if (batches || slots > 0) bytes += packed * size;
  // Derivatives that dropout or GELU keeps.
  if (spec.dropout > 0) bytes += piece_rows * units * size;
  return bytes;
}

}  // namespace trainyard

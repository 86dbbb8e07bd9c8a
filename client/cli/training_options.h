// The options that say how to train: of `train`, and of whatever else makes a
// job.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "trainyard/v1/training.pb.h"

namespace trainyard::client {

// What was given; the rest is left to the server.
struct TrainingOptions {
  std::optional<int> epochs;
  std::optional<double> learning_rate;
  std::optional<int> batch_size;
  std::optional<std::string> optimizer;
  std::optional<double> momentum;
  std::optional<double> beta1;
  std::optional<double> beta2;
  std::optional<double> epsilon;
  std::optional<double> weight_decay;
  std::optional<std::string> schedule;
  std::optional<double> warmup_epochs;
  std::optional<int> epochs_per_step;
  std::optional<double> step_factor;
  std::optional<double> final_learning_rate;
  std::optional<double> l1;
  std::optional<double> l2;
  std::optional<double> dropout;
  std::optional<int> patience;
  std::optional<double> min_delta;
  std::optional<std::string> precision;
  std::optional<int> threads;
  std::optional<int> priority;
  std::optional<std::string> rng;
  std::optional<std::int64_t> seed;
  std::optional<std::string> gradient_reduction;
  std::optional<std::string> input_scaling;
  // last, all or N
  std::optional<std::string> keep_checkpoints;
};

// `options` must live as long as the command.
void AddTrainingOptions(CLI::App& command, TrainingOptions& options);
// Those that a fork may change.
void AddForkOptions(CLI::App& command, TrainingOptions& options);

// Writes what was given over what `spec` says. Errors: INVALID_ARGUMENT for an
// option that belongs to another optimiser or schedule than the one chosen.
absl::Status Apply(const TrainingOptions& options, v1::TrainingJobSpec& spec);

// "adam beta1 0.9 ..." and "cosine to 0, warm-up 1 epochs": for people; empty
// for what has nothing to say.
std::string OptimizerWords(const v1::Optimizer& optimizer);
std::string ScheduleWords(const v1::LearningRateSchedule& schedule);

}  // namespace trainyard::client

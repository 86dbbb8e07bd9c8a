#include "client/cli/training_options.h"

#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "client/cli/choices.h"
#include "client/cli/options.h"
#include "client/cli/term/format.h"

namespace trainyard::client {
namespace {

void AddOptimizer(CLI::App& command, TrainingOptions& options) {
  command
      .add_option("--optimizer", options.optimizer, "How gradients move the weights (default: sgd)")
      ->check(Choices({"sgd", "momentum", "nesterov", "adam", "adamw"}));
  command.add_option("--momentum", options.momentum, "Of momentum and nesterov (default: 0.9)");
  command.add_option("--beta1", options.beta1, "Of adam and adamw (default: 0.9)");
  command.add_option("--beta2", options.beta2, "Of adam and adamw (default: 0.999)");
  command.add_option("--epsilon", options.epsilon, "Of adam and adamw (default: 1e-8)");
  command.add_option("--weight-decay", options.weight_decay, "Of adamw (default: 0.01)");
}

void AddSchedule(CLI::App& command, TrainingOptions& options) {
  command
      .add_option("--schedule", options.schedule,
                  "The learning rate over the run (default: constant)")
      ->check(Choices({"constant", "step", "cosine"}));
  command.add_option("--warmup-epochs", options.warmup_epochs,
                     "Epochs over which the learning rate rises from 0");
  command.add_option("--step-epochs", options.epochs_per_step,
                     "Epochs between the steps of schedule step (default: 10)");
  command.add_option("--step-factor", options.step_factor,
                     "What a step multiplies the learning rate by (default: 0.1)");
  command.add_option("--final-learning-rate", options.final_learning_rate,
                     "Where schedule cosine ends (default: 0)");
}

void AddRegularisation(CLI::App& command, TrainingOptions& options) {
  command.add_option("--l1", options.l1, "L1 penalty on the weights");
  command.add_option("--l2", options.l2, "L2 penalty on the weights");
  command.add_option("--dropout", options.dropout,
                     "Probability of leaving out an output of a hidden layer");
  command.add_option("--patience", options.patience,
                     "Stop when the validation cost has not fallen for so many epochs");
  command.add_option("--min-delta", options.min_delta,
                     "How far it has to fall for --patience (default: 0)");
}

void AddNumbers(CLI::App& command, TrainingOptions& options) {
  command.add_option("--precision", options.precision, "Floating-point type (default: f32)")
      ->check(Choices({"f32", "f64"}));
  command
      .add_option("--rng", options.rng,
                  "Random numbers; numpy draws what a script does after np.random.seed "
                  "(default: philox)")
      ->check(Choices({"philox", "numpy"}));
  command
      .add_option("--input-scaling", options.input_scaling,
                  "How inputs are scaled; auto divides bytes by 255 (default: auto)")
      ->check(Choices({"auto", "none", "255", "standard"}));
}

absl::Status Misplaced(absl::string_view option, absl::string_view needs) {
  return absl::InvalidArgumentError(absl::StrCat(option, " needs ", needs));
}

// last, all or N, as TrainingJobSpec.keep_checkpoints.
absl::StatusOr<int> ParseKeep(absl::string_view text) {
  if (text == "last") return 1;
  if (text == "all") return -1;
  int count = 0;
  if (absl::SimpleAtoi(text, &count) && count >= 1) return count;
  return absl::InvalidArgumentError(
      absl::StrCat("--keep-checkpoints: '", text, "' is not last, all, or a number from 1"));
}

void Choose(const std::string& word, v1::Optimizer& optimizer) {
  if (word == "sgd") {
    optimizer.mutable_sgd();
  } else if (word == "adam") {
    optimizer.mutable_adam();
  } else if (word == "adamw") {
    optimizer.mutable_adamw();
  } else {
    optimizer.mutable_momentum()->set_nesterov(word == "nesterov");
  }
}

template <typename Message>
void ApplyAdam(const TrainingOptions& options, Message& message) {
  if (options.beta1) message.set_beta1(*options.beta1);
  if (options.beta2) message.set_beta2(*options.beta2);
  if (options.epsilon) message.set_epsilon(*options.epsilon);
}

absl::Status ApplyOptimizer(const TrainingOptions& options, v1::Optimizer& optimizer) {
  if (options.optimizer) Choose(*options.optimizer, optimizer);
  if (optimizer.has_adam()) ApplyAdam(options, *optimizer.mutable_adam());
  if (optimizer.has_adamw()) ApplyAdam(options, *optimizer.mutable_adamw());
  if (!optimizer.has_adam() && !optimizer.has_adamw() &&
      (options.beta1 || options.beta2 || options.epsilon)) {
    return Misplaced("--beta1, --beta2 and --epsilon", "--optimizer adam or adamw");
  }
  if (options.momentum) {
    if (!optimizer.has_momentum()) {
      return Misplaced("--momentum", "--optimizer momentum or nesterov");
    }
    optimizer.mutable_momentum()->set_momentum(*options.momentum);
  }
  if (options.weight_decay) {
    if (!optimizer.has_adamw())
      return Misplaced("--weight-decay", "--optimizer adamw; or use --l2");
    optimizer.mutable_adamw()->set_weight_decay(*options.weight_decay);
  }
  return absl::OkStatus();
}

absl::Status ApplySchedule(const TrainingOptions& options, v1::LearningRateSchedule& schedule) {
  if (options.schedule == "constant") schedule.mutable_constant();
  if (options.schedule == "step") schedule.mutable_step();
  if (options.schedule == "cosine") schedule.mutable_cosine();
  if (options.warmup_epochs) schedule.set_warmup_epochs(*options.warmup_epochs);
  if (options.epochs_per_step || options.step_factor) {
    if (!schedule.has_step())
      return Misplaced("--step-epochs and --step-factor", "--schedule step");
    if (options.epochs_per_step) {
      schedule.mutable_step()->set_epochs_per_step(*options.epochs_per_step);
    }
    if (options.step_factor) schedule.mutable_step()->set_factor(*options.step_factor);
  }
  if (options.final_learning_rate) {
    if (!schedule.has_cosine()) return Misplaced("--final-learning-rate", "--schedule cosine");
    schedule.mutable_cosine()->set_final_learning_rate(*options.final_learning_rate);
  }
  return absl::OkStatus();
}

absl::Status ApplyRegularisation(const TrainingOptions& options, v1::TrainingJobSpec& spec) {
  if (options.l1) spec.set_l1(*options.l1);
  if (options.l2) spec.set_l2(*options.l2);
  if (options.dropout) spec.set_dropout(*options.dropout);
  if (options.patience) spec.mutable_early_stopping()->set_patience(*options.patience);
  if (!options.min_delta) return absl::OkStatus();
  if (!spec.has_early_stopping()) return Misplaced("--min-delta", "--patience");
  spec.mutable_early_stopping()->set_min_delta(*options.min_delta);
  return absl::OkStatus();
}

}  // namespace

void AddForkOptions(CLI::App& command, TrainingOptions& options) {
  command.add_option("--epochs", options.epochs,
                     "Passes over the training set; 0 ends with the initial weights");
  command.add_option("--learning-rate", options.learning_rate, "Step size");
  command.add_option("--batch-size", options.batch_size,
                     "Samples in a mini-batch (default: 1, one sample at a time)");
  AddOptimizer(command, options);
  AddSchedule(command, options);
  AddRegularisation(command, options);
  command
      .add_option("--gradient-reduction", options.gradient_reduction,
                  "How a mini-batch's gradients are put together (default: mean)")
      ->check(Choices({"mean", "sum"}));
  command.add_option("--seed", options.seed,
                     "Seed of the permutations, with --rng numpy of the weights too (default: the "
                     "network's seed)");
  command.add_option("--threads", options.threads,
                     "Use at most so many threads; the result is the same (default: 1)");
  command
      .add_option("--priority", options.priority,
                  "Your jobs of a higher priority go first, -10 to 10; above 0, for instructors, "
                  "before other people's too (default: 0)")
      ->check(CLI::Range(-10, 10));
  command
      .add_option("--keep-checkpoints", options.keep_checkpoints,
                  "Keep the weights of the last epoch written, of all epochs, or of the last N "
                  "written (default: the last two and the best)")
      ->type_name("last|all|N");
}

void AddTrainingOptions(CLI::App& command, TrainingOptions& options) {
  AddForkOptions(command, options);
  AddNumbers(command, options);
}

absl::Status Apply(const TrainingOptions& options, v1::TrainingJobSpec& spec) {
  if (options.epochs) spec.set_epochs(*options.epochs);
  if (options.learning_rate) spec.set_learning_rate(*options.learning_rate);
  if (options.batch_size) spec.set_batch_size(*options.batch_size);
  if (options.precision) spec.set_precision(options.precision == "f64" ? v1::F64 : v1::F32);
  if (options.threads) spec.set_threads(*options.threads);
  if (options.priority) spec.set_priority(*options.priority);
  if (options.rng) spec.set_rng(options.rng == "numpy" ? v1::NUMPY : v1::PHILOX);
  if (options.seed) spec.set_seed(*options.seed);
  if (options.gradient_reduction) {
    spec.set_gradient_reduction(options.gradient_reduction == "sum" ? v1::SUM : v1::MEAN);
  }
  if (options.input_scaling) spec.set_input_scaling(ParseInputScaling(*options.input_scaling));
  if (options.keep_checkpoints) {
    const absl::StatusOr<int> keep = ParseKeep(*options.keep_checkpoints);
    if (!keep.ok()) return keep.status();
    spec.set_keep_checkpoints(*keep);
  }
  absl::Status status = ApplyOptimizer(options, *spec.mutable_optimizer());
  if (status.ok()) status = ApplySchedule(options, *spec.mutable_schedule());
  return status.ok() ? ApplyRegularisation(options, spec) : status;
}

std::string OptimizerWords(const v1::Optimizer& optimizer) {
  const auto adam = [](absl::string_view name, const auto& message) {
    return absl::StrCat(name, "  beta1 ", Number(message.beta1()), "  beta2 ",
                        Number(message.beta2()), "  epsilon ", Number(message.epsilon()));
  };
  if (optimizer.has_momentum()) {
    return absl::StrCat(optimizer.momentum().nesterov() ? "nesterov  " : "momentum  ",
                        Number(optimizer.momentum().momentum()));
  }
  if (optimizer.has_adam()) return adam("adam", optimizer.adam());
  if (optimizer.has_adamw()) {
    return absl::StrCat(adam("adamw", optimizer.adamw()), "  weight decay ",
                        Number(optimizer.adamw().weight_decay()));
  }
  return optimizer.has_sgd() ? "sgd" : "";
}

std::string ScheduleWords(const v1::LearningRateSchedule& schedule) {
  std::string words;
  if (schedule.has_step()) {
    words = absl::StrCat("times ", Number(schedule.step().factor()), " every ",
                         schedule.step().epochs_per_step(), " epochs");
  } else if (schedule.has_cosine()) {
    words = absl::StrCat("cosine to ", Number(schedule.cosine().final_learning_rate()));
  }
  if (schedule.warmup_epochs() == 0) return words;
  return absl::StrCat(words, words.empty() ? "" : "  ", "warm-up ",
                      Number(schedule.warmup_epochs()), " epochs");
}

}  // namespace trainyard::client

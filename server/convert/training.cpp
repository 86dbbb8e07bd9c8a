#include "server/convert/training.h"

#include <string>
#include <utility>

#include "core/base/error.h"
#include "core/base/text.h"
#include "server/convert/optimizer.h"

namespace trainyard::server {
namespace {

constexpr char kPrefix[] = "job.spec.";

absl::Status Unknown(std::string_view field) {
  return FieldError(StrCat(kPrefix, field), "UNKNOWN_VALUE",
                    StrCat(field, " is one that this server does not know"));
}

absl::Status Required(std::string_view field, std::string_view hint) {
  return FieldError(StrCat(kPrefix, field), "REQUIRED", StrCat(field, " is required: ", hint));
}

absl::Status CheckPresent(const v1::TrainingJobSpec& message) {
  if (!message.has_epochs()) return Required("epochs", "passes over the training set, 0 or more");
  if (!message.has_learning_rate() && message.epochs() > 0) {
    return Required("learning_rate", "a step size above 0");
  }
  if (message.seed() < 0) {
    return FieldError(StrCat(kPrefix, "seed"), "NEGATIVE", "seed is negative");
  }
  if (message.batch_size() < 0) {
    return FieldError(StrCat(kPrefix, "batch_size"), "NEGATIVE", "batch_size is negative");
  }
  if (message.keep_checkpoints() < -1) {
    return FieldError(StrCat(kPrefix, "keep_checkpoints"), "OUT_OF_RANGE",
                      StrCat("keep_checkpoints is ", message.keep_checkpoints(),
                             "; it must be -1 for all, 0, or how many"));
  }
  if (message.priority() < -10 || message.priority() > 10) {
    return FieldError(StrCat(kPrefix, "priority"), "OUT_OF_RANGE",
                      StrCat("priority is ", message.priority(), "; it must be -10 to 10"));
  }
  if (!v1::Precision_IsValid(message.precision())) return Unknown("precision");
  if (!v1::GradientReduction_IsValid(message.gradient_reduction())) {
    return Unknown("gradient_reduction");
  }
  if (!v1::InputScaling_IsValid(message.input_scaling())) return Unknown("input_scaling");
  if (!v1::RandomGenerator_IsValid(message.rng())) return Unknown("rng");
  if (message.has_early_stopping() && message.validation_dataset().empty()) {
    return Required("validation_dataset", "early stopping looks at the cost on it");
  }
  return absl::OkStatus();
}

// Core names fields as the message does, from the spec on.
absl::Status WithPrefix(const absl::Status& status) {
  if (status.ok()) return status;
  ErrorDetails details = GetErrorDetails(status);
  if (!details.field.empty()) details.field = kPrefix + details.field;
  return MakeError(status.code(), std::move(details), std::string(status.message()));
}

}  // namespace

absl::StatusOr<TrainingRequest> ToCore(const v1::TrainingJobSpec& message,
                                       std::uint64_t network_seed) {
  if (auto status = CheckPresent(message); !status.ok()) return status;
  TrainingRequest request;
  request.spec.epochs = message.epochs();
  request.spec.learning_rate = message.learning_rate();
  request.spec.batch_size = message.batch_size() == 0 ? 1 : message.batch_size();
  request.spec.seed =
      message.has_seed() ? static_cast<std::uint64_t>(message.seed()) : network_seed;
  request.spec.gradient_reduction =
      message.gradient_reduction() == v1::SUM ? GradientReduction::kSum : GradientReduction::kMean;
  request.precision = message.precision() == v1::F64 ? Precision::kF64 : Precision::kF32;
  if (message.input_scaling() != v1::INPUT_SCALING_UNSPECIFIED) {
    request.scaling = message.input_scaling();
  }
  request.spec.optimizer = ToCore(message.optimizer());
  request.spec.schedule = ToCore(message.schedule());
  request.spec.penalty = {message.l1(), message.l2()};
  request.spec.dropout = message.dropout();
  if (message.has_early_stopping()) {
    request.spec.early_stopping = EarlyStoppingSpec{message.early_stopping().patience(),
                                                    message.early_stopping().min_delta()};
  }
  request.spec.threads = message.threads() == 0 ? 1 : message.threads();
  request.spec.rng =
      message.rng() == v1::NUMPY ? RandomGenerator::kNumpy : RandomGenerator::kPhilox;
  if (auto status = Validate(request.spec); !status.ok()) return WithPrefix(status);
  return request;
}

absl::Status CheckFor(const TrainingRequest& request, const NetworkSpec& network) {
  return WithPrefix(ValidateFor(request.spec, network));
}

void FillDefaults(const TrainingRequest& request, v1::TrainingJobSpec* message) {
  message->set_epochs(request.spec.epochs);
  message->set_learning_rate(request.spec.learning_rate);
  message->set_batch_size(request.spec.batch_size);
  message->set_seed(static_cast<std::int64_t>(request.spec.seed));
  message->set_precision(request.precision == Precision::kF64 ? v1::F64 : v1::F32);
  message->set_gradient_reduction(
      request.spec.gradient_reduction == GradientReduction::kSum ? v1::SUM : v1::MEAN);
  message->set_input_scaling(request.scaling);
  *message->mutable_optimizer() = ToProto(request.spec.optimizer);
  *message->mutable_schedule() = ToProto(request.spec.schedule);
  message->set_threads(request.spec.threads);
  message->set_rng(request.spec.rng == RandomGenerator::kNumpy ? v1::NUMPY : v1::PHILOX);
}

ScalingKind ResolveScaling(v1::InputScaling scaling, AutoScaling automatic) {
  switch (scaling) {
    case v1::NONE:
      return ScalingKind::kNone;
    case v1::DIVIDE_BY_255:
      return ScalingKind::kDivideBy255;
    case v1::STANDARD:
      return ScalingKind::kStandard;
    default:
      return automatic == AutoScaling::kDivideBy255 ? ScalingKind::kDivideBy255
                                                    : ScalingKind::kNone;
  }
}

v1::EpochCompleted ToProto(const EpochReport& report, std::int64_t rows) {
  v1::EpochCompleted message;
  message.set_epoch(report.epoch);
  message.set_cost(report.cost);
  message.set_mean_cost(report.mean_cost);
  if (report.train_accuracy) message.set_train_accuracy(*report.train_accuracy);
  if (report.validation_cost) message.set_validation_cost(*report.validation_cost);
  if (report.validation_accuracy) message.set_validation_accuracy(*report.validation_accuracy);
  message.set_learning_rate(report.learning_rate);
  message.set_seconds(report.seconds);
  if (report.seconds > 0) {
    message.set_samples_per_second(static_cast<double>(rows) / report.seconds);
  }
  return message;
}

}  // namespace trainyard::server

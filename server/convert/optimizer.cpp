#include "server/convert/optimizer.h"

#include <variant>

namespace trainyard::server {
namespace {

// Adam's and AdamW's message have the same fields.
template <typename Message>
AdamSpec AdamOf(const Message& message) {
  AdamSpec spec;
  if (message.has_beta1()) spec.beta1 = message.beta1();
  if (message.has_beta2()) spec.beta2 = message.beta2();
  if (message.has_epsilon()) spec.epsilon = message.epsilon();
  return spec;
}

template <typename Message>
void Fill(const AdamSpec& spec, Message& message) {
  message.set_beta1(spec.beta1);
  message.set_beta2(spec.beta2);
  message.set_epsilon(spec.epsilon);
}

void Put(const SgdSpec&, v1::Optimizer& message) { message.mutable_sgd(); }

void Put(const MomentumSpec& spec, v1::Optimizer& message) {
  message.mutable_momentum()->set_momentum(spec.momentum);
  message.mutable_momentum()->set_nesterov(spec.nesterov);
}

void Put(const AdamSpec& spec, v1::Optimizer& message) { Fill(spec, *message.mutable_adam()); }

void Put(const AdamWSpec& spec, v1::Optimizer& message) {
  Fill(spec.adam, *message.mutable_adamw());
  message.mutable_adamw()->set_weight_decay(spec.weight_decay);
}

void Put(const ConstantSchedule&, v1::LearningRateSchedule& message) { message.mutable_constant(); }

void Put(const StepSchedule& spec, v1::LearningRateSchedule& message) {
  message.mutable_step()->set_epochs_per_step(spec.epochs_per_step);
  message.mutable_step()->set_factor(spec.factor);
}

void Put(const CosineSchedule& spec, v1::LearningRateSchedule& message) {
  message.mutable_cosine()->set_final_learning_rate(spec.final_rate);
}

}  // namespace

OptimizerSpec ToCore(const v1::Optimizer& message) {
  switch (message.kind_case()) {
    case v1::Optimizer::kMomentum: {
      MomentumSpec spec;
      if (message.momentum().has_momentum()) spec.momentum = message.momentum().momentum();
      spec.nesterov = message.momentum().nesterov();
      return spec;
    }
    case v1::Optimizer::kAdam:
      return AdamOf(message.adam());
    case v1::Optimizer::kAdamw: {
      AdamWSpec spec{AdamOf(message.adamw())};
      if (message.adamw().has_weight_decay()) spec.weight_decay = message.adamw().weight_decay();
      return spec;
    }
    case v1::Optimizer::kSgd:
    case v1::Optimizer::KIND_NOT_SET:
      break;
  }
  return SgdSpec{};
}

v1::Optimizer ToProto(const OptimizerSpec& spec) {
  v1::Optimizer message;
  std::visit([&](const auto& optimizer) { Put(optimizer, message); }, spec);
  return message;
}

ScheduleSpec ToCore(const v1::LearningRateSchedule& message) {
  ScheduleSpec spec;
  spec.warmup_epochs = message.warmup_epochs();
  if (message.has_step()) {
    StepSchedule step;
    if (message.step().has_epochs_per_step())
      step.epochs_per_step = message.step().epochs_per_step();
    if (message.step().has_factor()) step.factor = message.step().factor();
    spec.kind = step;
  } else if (message.has_cosine()) {
    spec.kind = CosineSchedule{message.cosine().final_learning_rate()};
  }
  return spec;
}

v1::LearningRateSchedule ToProto(const ScheduleSpec& spec) {
  v1::LearningRateSchedule message;
  message.set_warmup_epochs(spec.warmup_epochs);
  std::visit([&](const auto& kind) { Put(kind, message); }, spec.kind);
  return message;
}

}  // namespace trainyard::server

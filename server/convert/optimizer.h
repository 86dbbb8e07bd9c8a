// Optimisers and learning-rate schedules: public messages to core's specs and
// back, with every default filled in. Core checks the values.
#pragma once

#include "core/optim/optimizer.h"
#include "core/optim/schedule.h"
#include "trainyard/v1/training.pb.h"

namespace trainyard::server {

OptimizerSpec ToCore(const v1::Optimizer& message);
v1::Optimizer ToProto(const OptimizerSpec& spec);

ScheduleSpec ToCore(const v1::LearningRateSchedule& message);
v1::LearningRateSchedule ToProto(const ScheduleSpec& spec);

}  // namespace trainyard::server

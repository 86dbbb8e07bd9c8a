// Training jobs: public messages to core's specs and back.
#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "core/data/dataset.h"
#include "core/data/scaling.h"
#include "core/train/trainer.h"
#include "trainyard/v1/training.pb.h"

namespace trainyard::server {

// A job's hyperparameters with every default filled in.
struct TrainingRequest {
  TrainingSpec spec;
  Precision precision = Precision::kF32;
  v1::InputScaling scaling = v1::AUTO;
};

// `network_seed` is the default of the job's. Fields in errors begin with
// "job.spec.".
absl::StatusOr<TrainingRequest> ToCore(const v1::TrainingJobSpec& message,
                                       std::uint64_t network_seed);

// What only the network can tell; fields as above.
absl::Status CheckFor(const TrainingRequest& request, const NetworkSpec& network);

// Writes what was filled in back.
void FillDefaults(const TrainingRequest& request, v1::TrainingJobSpec* message);

// What a scaling means for a dataset.
ScalingKind ResolveScaling(v1::InputScaling scaling, AutoScaling automatic);

// `rows` of the training set.
v1::EpochCompleted ToProto(const EpochReport& report, std::int64_t rows);

}  // namespace trainyard::server

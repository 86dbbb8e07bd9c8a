// Weights from disk, ready to use.
#pragma once

#include "absl/status/statusor.h"
#include "core/checkpoint/checkpoint.h"
#include "core/data/dataset.h"
#include "core/nn/network.h"
#include "server/worker/tasks.h"
#include "trainyard/worker/v1/worker.pb.h"

namespace trainyard::server {

struct LoadedModel {
  NetworkSpec network;
  Checkpoint checkpoint;
};

// Errors: NOT_FOUND where the weights are no longer kept; DATA_LOSS.
absl::StatusOr<LoadedModel> LoadModel(const WorkerContext& context, const worker::v1::Model& model);

// The stored rows of a dataset.
absl::StatusOr<Dataset> OpenDataset(const WorkerContext& context, const v1::Dataset& dataset);

}  // namespace trainyard::server

// Which states of a run are kept.
#pragma once

#include <cstdint>

#include "trainyard/store/v1/records.pb.h"
#include "trainyard/worker/v1/worker.pb.h"

namespace trainyard::server {

// Adds a state that a worker has written, and drops those that the spec's
// keep_checkpoints no longer keeps. False where it is there already: a worker
// that attaches again says again what it has not heard acknowledged.
bool KeepCheckpoint(const worker::v1::Checkpoint& written, store::v1::JobRecord& record);

// As many states as a job of this spec ever keeps at once.
std::int64_t MostCheckpoints(const v1::TrainingJobSpec& spec);

// Fills job.checkpoint_epochs: the states at the end of an epoch.
void ListKeptEpochs(store::v1::JobRecord& record);

// Fills job.weights_digest of a job that ends without its worker: that of the newest
// state at the end of an epoch, where one is kept.
void TakeNewestWeights(store::v1::JobRecord& record);

}  // namespace trainyard::server

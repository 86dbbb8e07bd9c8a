// The weights that jobs keep, as users see them.
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/resources/names.h"
#include "server/serving/serving_worker.h"
#include "server/store/store.h"
#include "trainyard/v1/training.pb.h"

namespace trainyard::server {

// An exported file, whatever becomes of the checkpoint.
struct ExportedFile {
  Descriptor file;
  std::int64_t size_bytes = 0;
};

// ListCheckpoints and ReadCheckpoint; errors as their proto says. Any thread.
class CheckpointService {
 public:
  CheckpointService(Store& store, ServingWorker& serving) : store_(store), serving_(serving) {}

  absl::StatusOr<v1::ListCheckpointsResponse> List(const Caller& caller,
                                                   const v1::ListCheckpointsRequest& request);
  // Reads and verifies the checkpoint, and makes the file.
  absl::StatusOr<ExportedFile> Export(const Caller& caller,
                                      const v1::ReadCheckpointRequest& request);

 private:
  absl::StatusOr<worker::v1::ExportTask> Find(const Caller& caller,
                                              const v1::ReadCheckpointRequest& request);

  Store& store_;
  ServingWorker& serving_;
};

// Reads the next bytes, at most 1 MiB, from `offset` on.
absl::Status ReadChunk(const ExportedFile& exported, std::int64_t offset, std::string& chunk);

}  // namespace trainyard::server

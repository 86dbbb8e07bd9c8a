// What a worker may be asked to do. Each returns when it is done, or when the
// stream has ended.
#pragma once

#include <filesystem>
#include <optional>

#include "server/store/worker_lock.h"
#include "server/worker/session.h"
#include "trainyard/worker/v1/worker.pb.h"

namespace trainyard::server {

// Where a worker finds things.
struct WorkerContext {
  std::filesystem::path data_dir;
  int attempt = 0;
};

// Returns the job's lock, to be held until the session has closed: until then the
// outcome may have to wait for the next server.
[[nodiscard]] std::optional<WorkerLock> RunTraining(const WorkerContext& context,
                                                    const worker::v1::TrainTask& task,
                                                    Session& session);
void RunIngest(const WorkerContext& context, const worker::v1::IngestTask& task, Session& session);
void RunEvaluation(const WorkerContext& context, const worker::v1::EvaluateTask& task,
                   Session& session);
void RunServing(const WorkerContext& context, Session& session);

}  // namespace trainyard::server

// Reads what a user uploaded, or makes what a user asked for.
#include <stop_token>
#include <utility>

#include "core/data/generate.h"
#include "core/data/ingest.h"
#include "server/convert/dataset.h"
#include "server/convert/status.h"
#include "server/worker/tasks.h"

namespace trainyard::server {
namespace {

absl::StatusOr<DatasetInfo> Make(const WorkerContext& context, const worker::v1::IngestTask& task,
                                 std::stop_token stop) {
  const auto staging = context.data_dir / task.staging_path();
  if (task.dataset().has_generator()) {
    auto spec = ToGeneratorSpec(task.dataset());
    if (!spec.ok()) return spec.status();
    return Generate(*spec, staging, std::move(stop));
  }
  auto spec = ToIngestSpec(task.dataset());
  if (!spec.ok()) return spec.status();
  IngestFiles files;
  files.data = context.data_dir / task.data_path();
  if (!task.labels_path().empty()) files.labels = context.data_dir / task.labels_path();
  IngestLimits limits;
  limits.stop = std::move(stop);
  return Ingest(*spec, files, staging, limits);
}

}  // namespace

void RunIngest(const WorkerContext& context, const worker::v1::IngestTask& task, Session& session) {
  const auto info = Make(context, task, session.stop());
  worker::v1::WorkerMessage message;
  if (info.ok()) {
    Describe(*info, message.mutable_ingest_outcome()->mutable_dataset());
  } else {
    *message.mutable_ingest_outcome()->mutable_error() = ToRpcStatus(info.status());
  }
  session.Finish(message);
}

}  // namespace trainyard::server

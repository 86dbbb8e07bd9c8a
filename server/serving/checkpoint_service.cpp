#include "server/serving/checkpoint_service.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/base/text.h"
#include "server/store/layout.h"
#include "trainyard/store/v1/records.pb.h"

namespace trainyard::server {
namespace {

using store::v1::JobRecord;
using store::v1::KeptCheckpoint;

constexpr std::int64_t kChunkBytes = 1 << 20;
// The newest weights may be dropped for newer ones while they are looked for.
constexpr int kTries = 5;

absl::StatusOr<JobRecord> ReadJob(Reader& reader, const std::string& name) {
  auto row = reader.Get(ResourceKind::kJob, name);
  if (!row.ok()) return row.status();
  JobRecord record;
  record.ParseFromString(row->body);
  return record;
}

// A checkpoint's name, taken apart; no epoch is the latest.
struct CheckpointName {
  std::string job;
  std::optional<int> epoch;
};

absl::StatusOr<CheckpointName> ResolveCheckpoint(const Caller& caller, const std::string& name) {
  constexpr std::string_view kForm = "users/{user}/jobs/{job}/checkpoints/{epoch}";
  if (name.empty()) return FieldError("name", "REQUIRED", StrCat("name is required: ", kForm));
  const auto bad = FieldError(
      "name", "INVALID_NAME",
      StrCat("'", name, "' is not a name of the form ", kForm, "; the epoch may be latest"));
  const auto parts = Split(name, '/');
  if (parts.size() != 6 || parts[4] != "checkpoints") return bad;
  CheckpointName result;
  if (parts[5] != "latest") {
    int epoch = 0;
    const auto [end, error] =
        std::from_chars(parts[5].data(), parts[5].data() + parts[5].size(), epoch);
    if (error != std::errc() || end != parts[5].data() + parts[5].size() || epoch < 0) return bad;
    result.epoch = epoch;
  }
  auto job = ResolveName(caller, "name", "jobs", name.substr(0, name.rfind("/checkpoints/")));
  if (!job.ok()) return job.status();
  result.job = *std::move(job);
  return result;
}

// Those at the end of an epoch are checkpoints to users.
absl::StatusOr<KeptCheckpoint> FindKept(const JobRecord& record, std::optional<int> epoch) {
  std::string kept;
  for (auto one = record.checkpoints().rbegin(); one != record.checkpoints().rend(); ++one) {
    if (one->sample() != 0) continue;
    if (!epoch || one->epoch() == *epoch) return *one;
    kept = StrCat(" ", one->epoch(), kept);
  }
  return MakeError(absl::StatusCode::kNotFound, {"CHECKPOINT_NOT_KEPT", "name", {}},
                   StrCat(record.job().name(), " keeps no weights of ",
                          epoch ? StrCat("epoch ", *epoch) : std::string("any epoch"),
                          "; it keeps those of:", kept.empty() ? " none" : kept));
}

v1::Checkpoint Public(const std::string& job, const KeptCheckpoint& kept) {
  v1::Checkpoint checkpoint;
  checkpoint.set_name(StrCat(job, "/checkpoints/", kept.epoch()));
  checkpoint.set_epoch(kept.epoch());
  checkpoint.set_weights_digest(kept.weights_digest());
  checkpoint.set_size_bytes(kept.size_bytes());
  if (kept.epoch() > 0 && std::isfinite(kept.cost())) checkpoint.set_cost(kept.cost());
  return checkpoint;
}

worker::v1::ExportTask TaskOf(const JobRecord& record, const KeptCheckpoint& kept,
                              v1::ReadCheckpointRequest::Format format) {
  const v1::TrainingJob& job = record.job();
  worker::v1::ExportTask task;
  worker::v1::Model& model = *task.mutable_model();
  *model.mutable_network() = job.network_spec();
  model.set_checkpoint_path(Layout::RelativeCheckpoint(job.uid(), kept.file()));
  model.set_classification(record.dataset().task() == v1::CLASSIFICATION);
  task.set_format(format);
  task.set_epoch(kept.epoch());
  auto& facts = *task.mutable_facts();
  facts["job"] = job.name();
  facts["weights_digest"] = kept.weights_digest();
  facts["dataset_digest"] = job.dataset_digest();
  return task;
}

absl::StatusOr<ExportedFile> Sized(Descriptor file) {
  struct stat about {};
  if (::fstat(file.get(), &about) != 0) return SystemError(errno, "look at", "an export");
  return ExportedFile{std::move(file), about.st_size};
}

}  // namespace

absl::StatusOr<v1::ListCheckpointsResponse> CheckpointService::List(
    const Caller& caller, const v1::ListCheckpointsRequest& request) {
  auto parent = ResolveName(caller, "parent", "jobs", request.parent());
  if (!parent.ok()) return parent.status();
  v1::ListCheckpointsResponse response;
  auto status = store_.Read([&](Reader& reader) -> absl::Status {
    auto record = ReadJob(reader, *parent);
    if (!record.ok()) return record.status();
    for (const KeptCheckpoint& kept : record->checkpoints()) {
      if (kept.sample() == 0) *response.add_checkpoints() = Public(*parent, kept);
    }
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  return response;
}

absl::StatusOr<worker::v1::ExportTask> CheckpointService::Find(
    const Caller& caller, const v1::ReadCheckpointRequest& request) {
  auto name = ResolveCheckpoint(caller, request.name());
  if (!name.ok()) return name.status();
  worker::v1::ExportTask task;
  auto status = store_.Read([&](Reader& reader) -> absl::Status {
    auto record = ReadJob(reader, name->job);
    if (!record.ok()) return record.status();
    auto kept = FindKept(*record, name->epoch);
    if (!kept.ok()) return kept.status();
    task = TaskOf(*record, *kept, request.format());
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  return task;
}

absl::StatusOr<ExportedFile> CheckpointService::Export(const Caller& caller,
                                                       const v1::ReadCheckpointRequest& request) {
  if (!v1::ReadCheckpointRequest::Format_IsValid(request.format())) {
    return FieldError("format", "INVALID_FORMAT",
                      "format is one of SAFETENSORS, ONNX, NPZ and CSV");
  }
  absl::Status status;
  for (int i = 0; i < kTries; ++i) {
    auto task = Find(caller, request);
    if (!task.ok()) return task.status();
    auto file = serving_.Export(*task);
    if (file.ok()) return Sized(*std::move(file));
    status = file.status();
    if (!absl::IsNotFound(status)) break;
  }
  return status;
}

absl::Status ReadChunk(const ExportedFile& exported, std::int64_t offset, std::string& chunk) {
  const std::int64_t wanted = std::min(kChunkBytes, exported.size_bytes - offset);
  chunk.resize(static_cast<std::size_t>(wanted));
  std::size_t filled = 0;
  while (filled < chunk.size()) {
    const ssize_t got = ::pread(exported.file.get(), chunk.data() + filled, chunk.size() - filled,
                                offset + static_cast<std::int64_t>(filled));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return SystemError(got < 0 ? errno : EIO, "read", "an export");
    filled += static_cast<std::size_t>(got);
  }
  return absl::OkStatus();
}

}  // namespace trainyard::server

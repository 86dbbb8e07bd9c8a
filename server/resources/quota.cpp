#include "server/resources/quota.h"

#include <utility>

#include "core/base/error.h"
#include "core/base/text.h"
#include "trainyard/v1/dataset.pb.h"
#include "trainyard/v1/training.pb.h"

namespace trainyard::server {
namespace {

constexpr int kAll = 1 << 30;

std::int64_t BytesOf(const v1::Dataset& dataset) {
  std::int64_t bytes = dataset.size_bytes();
  if (dataset.state() == v1::Dataset::ACTIVE) return bytes;
  for (const auto& part : dataset.parts()) bytes += part.committed_bytes();
  return bytes;
}

}  // namespace

absl::Status OverQuota(const std::string& user, const std::string& quota,
                       const std::string& message, double retry_seconds) {
  ErrorDetails details{"QUOTA_EXCEEDED", "", {{"quota", quota}, {"user", user}}};
  if (retry_seconds > 0) details.metadata["retry_seconds"] = StrCat(retry_seconds);
  return MakeError(absl::StatusCode::kResourceExhausted, std::move(details), message);
}

absl::StatusOr<std::int64_t> DatasetBytesOf(Reader& reader, std::string_view user) {
  auto rows = reader.List(ResourceKind::kDataset, user, 0, kAll);
  if (!rows.ok()) return rows.status();
  std::int64_t bytes = 0;
  for (const ResourceRow& row : *rows) {
    v1::Dataset dataset;
    dataset.ParseFromString(row.body);
    bytes += BytesOf(dataset);
  }
  return bytes;
}

absl::StatusOr<JobCounts> JobCountsOf(Reader& reader, std::string_view user) {
  using Job = v1::TrainingJob;
  JobCounts counts;
  for (const auto state : {Job::QUEUED, Job::PAUSED, Job::RUNNING, Job::PAUSING, Job::CANCELLING}) {
    auto count = reader.CountByState(ResourceKind::kJob, user, state);
    if (!count.ok()) return count.status();
    (state == Job::QUEUED || state == Job::PAUSED ? counts.queued : counts.running) += *count;
  }
  return counts;
}

absl::Status CheckDatasetBytes(Reader& reader, const v1::Quota& quota, const std::string& user,
                               std::int64_t more) {
  if (!quota.has_dataset_bytes()) return absl::OkStatus();
  auto used = DatasetBytesOf(reader, user);
  if (!used.ok()) return used.status();
  if (*used + more <= quota.dataset_bytes()) return absl::OkStatus();
  return OverQuota(
      user, "dataset_bytes",
      StrCat(user, " has ", *used, " bytes of datasets and may have ", quota.dataset_bytes(), ": ",
             more, " more are too many; delete datasets that are not used any more"));
}

absl::Status CheckQueuedJobs(Reader& reader, const v1::Quota& quota, const std::string& user) {
  if (!quota.has_queued_jobs()) return absl::OkStatus();
  auto counts = JobCountsOf(reader, user);
  if (!counts.ok()) return counts.status();
  if (counts->queued < quota.queued_jobs()) return absl::OkStatus();
  return OverQuota(user, "queued_jobs",
                   StrCat(user, " has ", counts->queued,
                          " jobs that wait, as many as are allowed; "
                          "let some of them start, or cancel some"),
                   30);
}

}  // namespace trainyard::server

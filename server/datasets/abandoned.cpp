// Uploads that nobody goes on with.
#include <spdlog/spdlog.h>
#include <sys/stat.h>

#include <algorithm>
#include <vector>

#include "core/base/error.h"
#include "core/base/text.h"
#include "server/datasets/dataset_service.h"

namespace trainyard::server {

// When bytes of it last arrived, in seconds since 1970.
std::int64_t DatasetService::LastMoveOf(const v1::Dataset& dataset) const {
  std::int64_t last = dataset.create_time().seconds();
  for (const auto& path :
       {layout_.UploadData(dataset.uid()), layout_.UploadLabels(dataset.uid())}) {
    struct stat file {};
    if (::stat(path.c_str(), &file) == 0) last = std::max<std::int64_t>(last, file.st_mtim.tv_sec);
  }
  return last;
}

void DatasetService::FailIfAbandoned(const v1::Dataset& dataset, std::int64_t now) {
  // Claimed as by a call that writes, so that none begins meanwhile.
  std::vector<std::string> keys;
  for (const auto& part : dataset.parts()) {
    keys.push_back(StrCat(dataset.uid(), "/", static_cast<int>(part.kind())));
  }
  {
    const std::lock_guard lock(uploads_mutex_);
    const auto busy = [this](const std::string& key) { return uploading_.contains(key); };
    if (std::ranges::any_of(keys, busy)) return;
    if (now - LastMoveOf(dataset) < kUploadPatience.count()) return;
    uploading_.insert(keys.begin(), keys.end());
  }
  spdlog::info("{}: its upload has rested for a week and is removed", dataset.name());
  Fail(dataset.name(), dataset.uid(),
       MakeError(absl::StatusCode::kAborted, {"UPLOAD_ABANDONED", "", {}},
                 "nothing of this upload has arrived for seven days, so it was removed; create "
                 "the dataset again"));
  const std::lock_guard lock(uploads_mutex_);
  for (const std::string& key : keys) uploading_.erase(key);
}

void DatasetService::FailAbandonedUploads(std::int64_t now) {
  std::vector<v1::Dataset> uploads;
  const auto status = store_.Read([&](Reader& reader) -> absl::Status {
    auto rows = reader.ListByState(ResourceKind::kDataset, v1::Dataset::UPLOADING);
    if (!rows.ok()) return rows.status();
    for (const ResourceRow& row : *rows) uploads.emplace_back().ParseFromString(row.body);
    return absl::OkStatus();
  });
  if (!status.ok()) spdlog::error("cannot look for abandoned uploads: {}", status.ToString());
  for (const v1::Dataset& dataset : uploads) FailIfAbandoned(dataset, now);
}

}  // namespace trainyard::server

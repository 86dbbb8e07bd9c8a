// From an upload or a generator to an ACTIVE dataset, by way of a worker.
#include <spdlog/spdlog.h>

#include <filesystem>
#include <set>
#include <utility>

#include "core/base/error.h"
#include "core/base/file.h"
#include "core/base/text.h"
#include "server/convert/status.h"
#include "server/datasets/dataset_service.h"
#include "server/resources/clock.h"
#include "server/resources/names.h"

namespace trainyard::server {

// The worker that makes one dataset.
class DatasetService::IngestTask final : public WorkerTask {
 public:
  IngestTask(DatasetService& datasets, v1::Dataset dataset)
      : datasets_(datasets), dataset_(std::move(dataset)) {}

  absl::Status OnAttach(std::shared_ptr<WorkerLink> link, bool /*again*/) override {
    const Layout& layout = datasets_.layout_;
    worker::v1::ServerMessage message;
    worker::v1::IngestTask& task = *message.mutable_ingest();
    task.set_uid(dataset_.uid());
    *task.mutable_dataset() = dataset_;
    task.set_data_path(layout.Relative(layout.UploadData(dataset_.uid())));
    if (dataset_.upload().separate_labels()) {
      task.set_labels_path(layout.Relative(layout.UploadLabels(dataset_.uid())));
    }
    task.set_staging_path(layout.Relative(layout.Staging(dataset_.uid())));
    return link->Send(message) ? absl::OkStatus() : absl::UnavailableError("the worker is gone");
  }

  absl::Status OnMessage(const worker::v1::WorkerMessage& message) override {
    if (!message.has_ingest_outcome()) {
      return absl::InvalidArgumentError("not a message of an ingesting worker");
    }
    auto status = datasets_.Adopt(dataset_.name(), dataset_.uid(), message.ingest_outcome());
    if (status.ok()) done_ = true;
    return status;
  }

  bool Done() const override { return done_; }

  void OnEnd(const std::string& how, bool draining) override {
    // After a drain the dataset is still INGESTING, and Recover goes on.
    if (!done_ && !draining) {
      datasets_.Fail(
          dataset_.name(), dataset_.uid(),
          MakeError(absl::StatusCode::kInternal, {"INGEST_CRASHED", "", {}},
                    StrCat("the process that read this upload ", how, "; nothing was stored")));
    }
    datasets_.slots_.Release();
  }

 private:
  DatasetService& datasets_;
  const v1::Dataset dataset_;
  std::atomic<bool> done_ = false;
};

void DatasetService::Ingest(const v1::Dataset& dataset) {
  slots_.Submit(
      std::string(OwnerOf(dataset.name())),
      [this, name = dataset.name(), uid = dataset.uid()] { return StartIngest(name, uid); });
}

bool DatasetService::StartIngest(const std::string& name, const std::string& uid) {
  v1::Dataset dataset;
  auto status = store_.Read([&](Reader& reader) -> absl::Status {
    auto row = reader.Get(ResourceKind::kDataset, name);
    if (row.ok()) dataset.ParseFromString(row->body);
    return row.status();
  });
  if (!status.ok() || dataset.uid() != uid || dataset.state() != v1::Dataset::INGESTING) {
    return false;  // deleted while it waited
  }
  std::error_code error;
  std::filesystem::remove_all(layout_.Staging(uid), error);
  std::filesystem::create_directories(layout_.Staging(uid), error);
  if (error) {
    Fail(name, uid, SystemError(error.value(), "make", layout_.Staging(uid).string()));
    return false;
  }
  status = pool_.Start(name, ++workers_started_, layout_.TaskLog("ingest"),
                       std::make_shared<IngestTask>(*this, std::move(dataset)));
  if (status.ok()) return true;
  if (!absl::IsUnavailable(status)) Fail(name, uid, status);
  return false;
}

absl::Status DatasetService::Adopt(const std::string& name, const std::string& uid,
                                   const worker::v1::IngestOutcome& outcome) {
  if (outcome.has_error()) {
    Fail(name, uid, FromRpcStatus(outcome.error()));
    return absl::OkStatus();
  }
  while (true) {
    const auto status = AdoptOnce(name, uid, outcome);
    if (!IsDiskFull(status) || !store_.AwaitSpace()) return status;
  }
}

absl::Status DatasetService::AdoptOnce(const std::string& name, const std::string& uid,
                                       const worker::v1::IngestOutcome& outcome) {
  // Not while it waits for space: deletions take it, too.
  const std::lock_guard lock(content_mutex_);
  const auto folder = layout_.Dataset(outcome.dataset().digest());
  std::error_code error;
  // Somebody had the same rows before, theirs serve both; or it is a second try.
  if (!std::filesystem::exists(folder, error)) {
    if (auto moved = RenameNew(layout_.Staging(uid), folder); !moved.ok()) return moved;
  }
  if (auto synced = SyncFolder(folder.parent_path()); !synced.ok()) return synced;
  const auto status = Change(name, uid, [&](v1::Dataset& dataset) -> absl::Status {
    v1::Dataset made = outcome.dataset();
    // Only what the worker found out; the rest is ours.
    made.clear_name();
    made.clear_uid();
    made.clear_source();
    made.clear_task();
    made.clear_create_time();
    made.clear_parts();
    dataset.clear_label_histogram();
    dataset.MergeFrom(made);
    dataset.clear_parts();
    dataset.set_state(v1::Dataset::ACTIVE);
    *dataset.mutable_end_time() = Now();
    return absl::OkStatus();
  });
  // Deleted meanwhile: Recover removes a folder that nobody owns.
  if (!status.ok() && !absl::IsNotFound(status)) return status;
  RemoveUpload(uid);
  return absl::OkStatus();
}

void DatasetService::Fail(const std::string& name, const std::string& uid,
                          const absl::Status& error) {
  // Before the state says so: who sees FAILED finds nothing left behind.
  RemoveUpload(uid);
  const auto status = Change(
      name, uid,
      [&](v1::Dataset& dataset) -> absl::Status {
        dataset.set_state(v1::Dataset::FAILED);
        dataset.clear_parts();
        *dataset.mutable_error() = ToRpcStatus(error);
        *dataset.mutable_end_time() = Now();
        return absl::OkStatus();
      },
      nullptr, Store::WhenFull::kWait);
  if (!status.ok() && !absl::IsNotFound(status)) {
    spdlog::error("{}: cannot record its error: {}", name, status.ToString());
  }
}

void DatasetService::RemoveUpload(const std::string& uid) {
  std::error_code ignored;
  std::filesystem::remove_all(layout_.Upload(uid), ignored);
}

absl::Status DatasetService::Recover() {
  std::vector<v1::Dataset> ingesting;
  std::set<std::string> uploads;
  std::set<std::string> contents;
  auto status = store_.Read([&](Reader& reader) -> absl::Status {
    for (const auto state : {v1::Dataset::UPLOADING, v1::Dataset::INGESTING, v1::Dataset::ACTIVE}) {
      auto rows = reader.ListByState(ResourceKind::kDataset, state);
      if (!rows.ok()) return rows.status();
      for (const ResourceRow& row : *rows) {
        if (state == v1::Dataset::INGESTING) ingesting.emplace_back().ParseFromString(row.body);
        (state == v1::Dataset::ACTIVE ? contents : uploads)
            .insert(state == v1::Dataset::ACTIVE ? row.digest : row.uid);
      }
    }
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  const auto sweep = [](const std::filesystem::path& folder, const std::set<std::string>& owned) {
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
      if (!owned.contains(entry.path().filename().string())) {
        std::filesystem::remove_all(entry.path(), error);
      }
    }
  };
  sweep(layout_.root() / "uploads", uploads);
  sweep(layout_.root() / "datasets", contents);
  for (const v1::Dataset& dataset : ingesting) Ingest(dataset);
  return absl::OkStatus();
}

}  // namespace trainyard::server

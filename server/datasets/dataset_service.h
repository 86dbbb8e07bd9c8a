// Datasets: uploaded or generated, made by workers, kept by content.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <unordered_set>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/resources/names.h"
#include "server/resources/quota.h"
#include "server/store/layout.h"
#include "server/store/store.h"
#include "server/workers/slot_queue.h"
#include "server/workers/worker_pool.h"
#include "trainyard/v1/dataset.pb.h"
#include "trainyard/worker/v1/worker.pb.h"

namespace trainyard::server {

// How long an upload may rest before it is given up.
inline constexpr std::chrono::seconds kUploadPatience = std::chrono::hours(24 * 7);

// Owns every dataset's state and the folders datasets/ and uploads/. Any
// thread.
class DatasetService {
 public:
  DatasetService(const Layout& layout, Store& store, WorkerPool& pool, SlotQueue& slots,
                 QuotaOf quota_of = {});

  // Goes on with what an earlier server was making, and removes what no
  // dataset owns.
  absl::Status Recover();

  // Fails and removes uploads of which nothing has arrived for kUploadPatience,
  // `now` in seconds since 1970.
  void FailAbandonedUploads(std::int64_t now);

  // The calls of DatasetService; errors as its proto says.
  absl::StatusOr<v1::Dataset> Create(const Caller& caller, const v1::CreateDatasetRequest& request);
  absl::StatusOr<v1::Dataset> Get(const Caller& caller, const v1::GetDatasetRequest& request);
  absl::StatusOr<v1::ListDatasetsResponse> List(const Caller& caller,
                                                const v1::ListDatasetsRequest& request);
  absl::StatusOr<v1::Dataset> Update(const Caller& caller, const v1::UpdateDatasetRequest& request);
  absl::Status Delete(const Caller& caller, const v1::DeleteDatasetRequest& request);
  absl::StatusOr<v1::PreviewDatasetResponse> Preview(const Caller& caller,
                                                     const v1::PreviewDatasetRequest& request);
  // `read` returns false at the end of the stream, whether the client finished
  // it or vanished: what has arrived is kept either way.
  absl::StatusOr<v1::WriteDatasetResponse> Write(
      const Caller& caller, const std::function<bool(v1::WriteDatasetRequest&)>& read);

 private:
  class IngestTask;
  class Upload;

  // Bytes that a user may yet upload.
  absl::StatusOr<std::int64_t> RoomFor(const std::string& user);
  // Fails where the disk is full.
  absl::Status AdoptOnce(const std::string& name, const std::string& uid,
                         const worker::v1::IngestOutcome& outcome);
  absl::Status Change(const std::string& name, const std::string& uid,
                      const std::function<absl::Status(v1::Dataset&)>& change,
                      v1::Dataset* changed = nullptr,
                      Store::WhenFull when_full = Store::WhenFull::kFail);
  static absl::Status CheckUnused(Transaction& transaction, const Caller& caller,
                                  const v1::Dataset& dataset);
  // Has a worker make the dataset, now or when a slot is free.
  void Ingest(const v1::Dataset& dataset);
  bool StartIngest(const std::string& name, const std::string& uid);
  // What the worker made becomes the dataset; or its error does.
  absl::Status Adopt(const std::string& name, const std::string& uid,
                     const worker::v1::IngestOutcome& outcome);
  void Fail(const std::string& name, const std::string& uid, const absl::Status& error);
  void RemoveUpload(const std::string& uid);
  std::int64_t LastMoveOf(const v1::Dataset& dataset) const;
  void FailIfAbandoned(const v1::Dataset& dataset, std::int64_t now);

  const Layout& layout_;
  Store& store_;
  WorkerPool& pool_;
  SlotQueue& slots_;
  const QuotaOf quota_of_;

  // The attempt of an ingesting worker: never twice within a server's life, so
  // that a name used again is not taken for its former owner.
  std::atomic<int> workers_started_ = 0;
  // Held while a content folder gains or loses its last owner.
  std::mutex content_mutex_;
  std::mutex uploads_mutex_;
  std::unordered_set<std::string> uploading_;  // uid and part; guarded by uploads_mutex_
};

}  // namespace trainyard::server

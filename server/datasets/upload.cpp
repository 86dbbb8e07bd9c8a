// WriteDataset: bytes from a stream to a part's file, committed as they become
// durable.
#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <limits>
#include <memory>
#include <utility>

#include "core/base/error.h"
#include "core/base/file.h"
#include "core/base/text.h"
#include "server/datasets/dataset_service.h"
#include "server/store/folders.h"
#include "server/store/reserve.h"

namespace trainyard::server {
namespace {

constexpr std::size_t kMaxChunk = std::size_t{1} << 20;
constexpr std::int64_t kMaxPartBytes = std::int64_t{16} << 30;
// How much may have to be sent again after a crash.
constexpr std::int64_t kCommitEvery = std::int64_t{64} << 20;

v1::UploadPart* PartOf(v1::Dataset& dataset, v1::UploadPart::Kind kind) {
  for (auto& part : *dataset.mutable_parts()) {
    if (part.kind() == kind) return &part;
  }
  return nullptr;
}

bool AllFinished(const v1::Dataset& dataset) {
  for (const auto& part : dataset.parts()) {
    if (!part.finished()) return false;
  }
  return true;
}

}  // namespace

// One part being written. Frees the part when it goes.
class DatasetService::Upload {
 public:
  // At most `room` bytes may come.
  Upload(DatasetService& datasets, v1::Dataset dataset, v1::UploadPart::Kind kind,
         std::int64_t room)
      : datasets_(datasets), dataset_(std::move(dataset)), kind_(kind), room_(room) {}

  ~Upload() {
    if (file_ >= 0) ::close(file_);
    if (!claimed_) return;
    const std::lock_guard lock(datasets_.uploads_mutex_);
    datasets_.uploading_.erase(Key());
  }

  absl::Status Open(std::int64_t offset) {
    if (auto status = Claim(); !status.ok()) return status;
    if (auto status = CheckPart(offset); !status.ok()) return status;
    const auto folder = datasets_.layout_.Upload(dataset_.uid());
    auto made = MakeFolders(datasets_.layout_.root(), folder);
    if (!made.ok()) return IsDiskFull(made) ? DiskFull() : made;
    const auto path = kind_ == v1::UploadPart::DATA
                          ? datasets_.layout_.UploadData(dataset_.uid())
                          : datasets_.layout_.UploadLabels(dataset_.uid());
    file_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (file_ < 0) return SystemError(errno, "write", path.string());
    if (auto whole = CheckLength(offset); !whole.ok()) return whole;
    // Bytes beyond what was committed may be anything after a crash.
    if (::ftruncate(file_, offset) != 0) return SystemError(errno, "write", path.string());
    size_ = committed_ = offset;
    return SyncFolder(folder);
  }

  absl::Status Append(std::string_view chunk) {
    if (chunk.size() > kMaxChunk) {
      return FieldError("chunk", "CHUNK_TOO_LARGE", "a chunk has at most 1 MiB");
    }
    if (size_ + static_cast<std::int64_t>(chunk.size()) > kMaxPartBytes) {
      return MakeError(absl::StatusCode::kResourceExhausted, {"UPLOAD_TOO_LARGE", "chunk", {}},
                       StrCat("an upload has at most ", kMaxPartBytes >> 30, " GiB a part"));
    }
    room_ -= static_cast<std::int64_t>(chunk.size());
    if (room_ < 0) {
      const std::string user(OwnerOf(dataset_.name()));
      return OverQuota(user, "dataset_bytes",
                       StrCat("this upload takes the datasets of ", user, " over the ",
                              datasets_.quota_of_(user).dataset_bytes(),
                              " bytes that they may have; delete datasets that are not used any "
                              "more"));
    }
    while (!chunk.empty()) {
      const ssize_t written = ::pwrite(file_, chunk.data(), chunk.size(), size_);
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return CannotWrite(errno);
      size_ += written;
      chunk.remove_prefix(static_cast<std::size_t>(written));
    }
    return size_ - committed_ >= kCommitEvery ? Commit(false) : absl::OkStatus();
  }

  // Makes durable what has arrived and says so in the dataset.
  absl::Status Commit(bool finish) {
    if (auto synced = Sync(file_, dataset_.name()); !synced.ok()) return synced;
    auto status = datasets_.Change(
        dataset_.name(), dataset_.uid(),
        [&](v1::Dataset& dataset) -> absl::Status {
          v1::UploadPart* part = PartOf(dataset, kind_);
          part->set_committed_bytes(size_);
          part->set_finished(finish);
          if (finish && AllFinished(dataset)) dataset.set_state(v1::Dataset::INGESTING);
          return absl::OkStatus();
        },
        &dataset_);
    if (status.ok()) committed_ = size_;
    return status;
  }

  const v1::Dataset& dataset() const { return dataset_; }
  std::int64_t committed() const { return committed_; }

 private:
  // To go on behind a hole would make a dataset that nobody has sent.
  absl::Status CheckLength(std::int64_t offset) const {
    struct stat file {};
    if (::fstat(file_, &file) != 0) return SystemError(errno, "stat the upload", dataset_.name());
    if (file.st_size >= offset) return absl::OkStatus();
    return MakeError(absl::StatusCode::kDataLoss, {"UPLOAD_DAMAGED", "name", {}},
                     StrCat("the server has lost a part of what was uploaded of ", dataset_.name(),
                            "; delete it and upload again"));
  }

  absl::Status CannotWrite(int error) {
    const auto status = SystemError(error, "write the upload", dataset_.name());
    if (!IsDiskFull(status)) return status;
    // What is not committed will be sent again, and takes space until then.
    if (::ftruncate(file_, committed_) == 0) size_ = committed_;
    return DiskFull();
  }

  std::string Key() const { return StrCat(dataset_.uid(), "/", static_cast<int>(kind_)); }

  absl::Status Claim() {
    const std::lock_guard lock(datasets_.uploads_mutex_);
    claimed_ = datasets_.uploading_.insert(Key()).second;
    if (claimed_) return absl::OkStatus();
    return MakeError(
        absl::StatusCode::kAborted, {"UPLOAD_IN_PROGRESS", "", {}},
        StrCat("another call is writing this part of ", dataset_.name(), "; wait for it to end"));
  }

  absl::Status CheckPart(std::int64_t offset) {
    // Read again: another call may have finished it before this one's claim.
    auto status = datasets_.Change(
        dataset_.name(), dataset_.uid(), [](v1::Dataset&) { return absl::OkStatus(); }, &dataset_);
    if (!status.ok()) return status;
    if (dataset_.state() != v1::Dataset::UPLOADING) {
      return MakeError(
          absl::StatusCode::kFailedPrecondition,
          {"DATASET_NOT_UPLOADING", "name", {{"state", v1::Dataset::State_Name(dataset_.state())}}},
          StrCat(dataset_.name(), " is ", v1::Dataset::State_Name(dataset_.state()),
                 ": its content never changes"));
    }
    const v1::UploadPart* part = PartOf(dataset_, kind_);
    if (part == nullptr || part->finished()) {
      return MakeError(absl::StatusCode::kFailedPrecondition, {"NO_SUCH_PART", "part", {}},
                       StrCat(dataset_.name(),
                              part == nullptr ? " has no such part" : ": this part is complete"));
    }
    if (offset == part->committed_bytes()) return absl::OkStatus();
    return MakeError(
        absl::StatusCode::kOutOfRange,
        {"WRONG_OFFSET", "offset", {{"committed_bytes", StrCat(part->committed_bytes())}}},
        StrCat("offset is ", offset, "; ", part->committed_bytes(),
               " bytes of this part are committed: go on from there"));
  }

  DatasetService& datasets_;
  v1::Dataset dataset_;
  const v1::UploadPart::Kind kind_;
  std::int64_t room_;
  bool claimed_ = false;
  int file_ = -1;
  std::int64_t size_ = 0;
  std::int64_t committed_ = 0;
};

absl::StatusOr<std::int64_t> DatasetService::RoomFor(const std::string& user) {
  const v1::Quota quota = quota_of_(user);
  if (!quota.has_dataset_bytes()) return std::numeric_limits<std::int64_t>::max();
  std::int64_t used = 0;
  auto status = store_.Read([&](Reader& reader) -> absl::Status {
    auto bytes = DatasetBytesOf(reader, user);
    if (bytes.ok()) used = *bytes;
    return bytes.status();
  });
  if (!status.ok()) return status;
  return std::max<std::int64_t>(0, quota.dataset_bytes() - used);
}

absl::StatusOr<v1::WriteDatasetResponse> DatasetService::Write(
    const Caller& caller, const std::function<bool(v1::WriteDatasetRequest&)>& read) {
  v1::WriteDatasetRequest message;
  if (!read(message)) return FieldError("name", "REQUIRED", "the stream has no message");
  v1::GetDatasetRequest get;
  get.set_name(message.name());
  auto dataset = Get(caller, get);
  if (!dataset.ok()) return dataset.status();
  auto room = RoomFor(caller.user);
  if (!room.ok()) return room.status();
  Upload upload(*this, *std::move(dataset), message.part(), *room);
  if (auto status = upload.Open(message.offset()); !status.ok()) return status;

  absl::Status status;
  bool finish = false;
  do {
    status = upload.Append(message.chunk());
    finish = message.finish_part();
  } while (status.ok() && !finish && read(message));
  if (status.ok()) status = upload.Commit(finish);
  if (!status.ok()) return status;

  const bool ingest = upload.dataset().state() == v1::Dataset::INGESTING;
  if (ingest) Ingest(upload.dataset());
  v1::WriteDatasetResponse response;
  response.set_committed_bytes(upload.committed());
  response.set_finished(finish);
  response.set_state(upload.dataset().state());
  return response;
}

}  // namespace trainyard::server

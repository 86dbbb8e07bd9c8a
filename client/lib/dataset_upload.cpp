#include "client/lib/dataset_upload.h"

#include <fstream>
#include <thread>

#include "absl/strings/str_cat.h"

namespace trainyard::client {
namespace {

constexpr std::int64_t kChunkBytes = 1 << 20;

// A file that is read from any offset.
class Source {
 public:
  explicit Source(const std::filesystem::path& path) : stream_(path, std::ios::binary) {
    std::error_code error;
    const auto size = std::filesystem::file_size(path, error);
    size_ = error ? -1 : static_cast<std::int64_t>(size);
  }
  bool ok() const { return size_ >= 0 && stream_.good(); }
  std::int64_t size() const { return size_; }

  // Up to a chunk; false where the file has become shorter.
  bool Read(std::int64_t offset, std::string* chunk) {
    chunk->resize(static_cast<std::size_t>(std::min(kChunkBytes, size_ - offset)));
    stream_.clear();
    stream_.seekg(offset);
    stream_.read(chunk->data(), static_cast<std::streamsize>(chunk->size()));
    return stream_.gcount() == static_cast<std::streamsize>(chunk->size());
  }

 private:
  std::ifstream stream_;
  std::int64_t size_ = -1;
};

// One WriteDataset stream, from `offset` to the end of the file.
grpc::Status SendFrom(Connection& connection, const PartUpload& upload, Source& source,
                      std::int64_t offset, const UploadOptions& options) {
  grpc::ClientContext context;
  v1::WriteDatasetResponse response;
  const auto writer = connection.stub<v1::DatasetService>().WriteDataset(&context, &response);
  v1::WriteDatasetRequest message;
  message.set_name(upload.dataset);
  message.set_part(upload.part);
  message.set_offset(offset);
  bool last = false;
  while (!last) {
    if (!source.Read(offset, message.mutable_chunk())) {
      context.TryCancel();
      writer->Finish();
      return {grpc::StatusCode::ABORTED,
              absl::StrCat(upload.file.string(), " changed while it was read")};
    }
    offset += static_cast<std::int64_t>(message.chunk().size());
    last = offset >= source.size();
    message.set_finish_part(last);
    // A failed write only says that the stream is over; Finish says why.
    if (!writer->Write(message)) break;
    if (options.progress) options.progress(offset, source.size());
    message.Clear();
  }
  writer->WritesDone();
  return writer->Finish();
}

// What the server holds of the part.
grpc::Status FindPart(Connection& connection, const PartUpload& upload, v1::UploadPart* part) {
  v1::GetDatasetRequest request;
  request.set_name(upload.dataset);
  v1::Dataset dataset;
  const grpc::Status status =
      connection.Call(&v1::DatasetService::Stub::GetDataset, request, &dataset);
  if (!status.ok()) return status;
  part->Clear();
  // A dataset that has moved on has all its parts.
  part->set_finished(dataset.state() != v1::Dataset::UPLOADING);
  for (const v1::UploadPart& candidate : dataset.parts()) {
    if (candidate.kind() == upload.part) *part = candidate;
  }
  return status;
}

}  // namespace

grpc::Status UploadPartFile(Connection& connection, const PartUpload& upload,
                            const UploadOptions& options) {
  Source source(upload.file);
  if (!source.ok()) {
    return {grpc::StatusCode::NOT_FOUND, absl::StrCat("cannot read ", upload.file.string())};
  }
  std::int64_t offset = 0;
  std::chrono::milliseconds delay = options.first_delay;
  int failures = 0;
  while (true) {
    grpc::Status status = SendFrom(connection, upload, source, offset, options);
    if (status.error_code() != grpc::StatusCode::UNAVAILABLE) return status;
    // Goes on from what is committed, as soon as the server says what that is.
    v1::UploadPart part;
    do {
      if (++failures > options.retries) return status;
      std::this_thread::sleep_for(delay);
      delay *= 2;
      const grpc::Status found = FindPart(connection, upload, &part);
      if (found.ok()) break;
      if (found.error_code() != grpc::StatusCode::UNAVAILABLE) return found;
    } while (true);
    if (part.finished()) return grpc::Status::OK;
    if (part.committed_bytes() > offset) {
      failures = 0;
      delay = options.first_delay;
    }
    offset = std::min(part.committed_bytes(), source.size());
  }
}

}  // namespace trainyard::client

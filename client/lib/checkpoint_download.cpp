#include "client/lib/checkpoint_download.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "absl/strings/str_cat.h"
#include "client/lib/names.h"

namespace trainyard::client {
namespace {

namespace fs = std::filesystem;

grpc::Status CannotWrite(const fs::path& file) {
  return {grpc::StatusCode::INTERNAL,
          absl::StrCat("cannot write ", file.string(), ": ", strerror(errno))};
}

grpc::Status Exists(const fs::path& file) {
  return {grpc::StatusCode::ALREADY_EXISTS,
          absl::StrCat(file.string(), " exists; give --force to replace it")};
}

// A file beside the one that is meant, until it takes its name.
class PartFile {
 public:
  explicit PartFile(const fs::path& file)
      : path_(absl::StrCat(file.string(), ".", NewRequestId().substr(0, 8), ".part")),
        descriptor_(::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644)) {}
  ~PartFile() {
    if (descriptor_ < 0) return;
    ::close(descriptor_);
    std::error_code ignored;
    fs::remove(path_, ignored);
  }
  PartFile(const PartFile&) = delete;
  PartFile& operator=(const PartFile&) = delete;

  bool is_open() const { return descriptor_ >= 0; }
  bool Write(const std::string& bytes) {
    for (std::size_t at = 0; at < bytes.size();) {
      const ssize_t written = ::write(descriptor_, bytes.data() + at, bytes.size() - at);
      if (written < 0 && errno != EINTR) return false;
      if (written > 0) at += static_cast<std::size_t>(written);
    }
    return true;
  }
  // A second name first, where none may be replaced: that fails if it is there.
  grpc::Status Publish(const fs::path& file, bool replace) {
    if (::fsync(descriptor_) != 0) return CannotWrite(file);
    const int failed =
        replace ? ::rename(path_.c_str(), file.c_str()) : ::link(path_.c_str(), file.c_str());
    if (failed == 0) return grpc::Status::OK;
    return errno == EEXIST ? Exists(file) : CannotWrite(file);
  }

 private:
  const fs::path path_;
  const int descriptor_;
};

}  // namespace

grpc::Status DownloadCheckpoint(Connection& connection, const v1::ReadCheckpointRequest& request,
                                const fs::path& file, bool replace, std::int64_t* size_bytes) {
  std::error_code ignored;
  if (!replace && fs::exists(file, ignored)) return Exists(file);
  if (grpc::Status ready = connection.WaitUntilReady(); !ready.ok()) return ready;
  PartFile part(file);
  if (!part.is_open()) return CannotWrite(file);
  grpc::ClientContext context;
  const auto reader = connection.stub<v1::TrainingService>().ReadCheckpoint(&context, request);
  v1::ReadCheckpointResponse message;
  std::int64_t received = 0;
  std::int64_t expected = 0;
  while (reader->Read(&message)) {
    if (received == 0) expected = message.size_bytes();
    received += static_cast<std::int64_t>(message.chunk().size());
    if (part.Write(message.chunk())) continue;
    const grpc::Status failed = CannotWrite(file);
    context.TryCancel();
    reader->Finish();
    return failed;
  }
  if (grpc::Status status = reader->Finish(); !status.ok()) return status;
  if (received != expected) {
    return {grpc::StatusCode::DATA_LOSS,
            absl::StrCat("the server sent ", received, " bytes of ", expected)};
  }
  *size_bytes = received;
  return part.Publish(file, replace);
}

}  // namespace trainyard::client

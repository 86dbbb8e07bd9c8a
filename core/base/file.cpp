#include "core/base/file.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <utility>
#include <vector>

#include "core/base/error.h"

namespace trainyard {
namespace {

constexpr std::size_t kBufferBytes = std::size_t{1} << 20;

// Writes all of `bytes` at `offset`; `path` is for the error.
absl::Status WriteAll(int descriptor, std::int64_t offset, std::span<const std::uint8_t> bytes,
                      const std::filesystem::path& path) {
  while (!bytes.empty()) {
    const ssize_t written = ::pwrite(descriptor, bytes.data(), bytes.size(), offset);
    if (written < 0) {
      if (errno == EINTR) continue;
      return SystemError(errno, "write", path.native());
    }
    bytes = bytes.subspan(static_cast<std::size_t>(written));
    offset += written;
  }
  return absl::OkStatus();
}

void (*sync_failure_handler)(const absl::Status& error) = nullptr;

}  // namespace

struct FileWriter::State {
  ~State() {
    if (descriptor >= 0) ::close(descriptor);
  }

  absl::Status Flush() {
    if (absl::Status status = WriteAll(descriptor, flushed, buffer, path); !status.ok()) {
      return status;
    }
    flushed += static_cast<std::int64_t>(buffer.size());
    buffer.clear();
    return absl::OkStatus();
  }

  std::filesystem::path path;
  int descriptor = -1;
  std::vector<std::uint8_t> buffer;
  // Bytes handed to the kernel; those of `buffer` follow them.
  std::int64_t flushed = 0;
};

bool IsDiskFull(const absl::Status& status) {
  return absl::IsResourceExhausted(status) && GetErrorDetails(status).reason == "DISK_FULL";
}

absl::Status Sync(int descriptor, const std::filesystem::path& path) {
  if (::fsync(descriptor) == 0) return absl::OkStatus();
  const int error = errno;
  auto status = SystemError(error, "sync", path.native());
  // What was written for it is given up by whoever hears so.
  if (error == ENOSPC || error == EDQUOT) return status;
  return SyncFailed(std::move(status));
}

void SetSyncFailureHandler(void (*handler)(const absl::Status& error)) {
  sync_failure_handler = handler;
}

absl::Status SyncFailed(absl::Status error) {
  if (sync_failure_handler != nullptr) sync_failure_handler(error);
  return error;
}

FileWriter::FileWriter(std::unique_ptr<State> state) : state_(std::move(state)) {}
FileWriter::~FileWriter() = default;

absl::StatusOr<std::unique_ptr<FileWriter>> FileWriter::Create(const std::filesystem::path& path) {
  auto state = std::make_unique<State>();
  state->path = path;
  state->descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (state->descriptor < 0) return SystemError(errno, "create", path.native());
  state->buffer.reserve(kBufferBytes);
  return std::unique_ptr<FileWriter>(new FileWriter(std::move(state)));
}

absl::Status FileWriter::Write(std::span<const std::uint8_t> bytes) {
  std::vector<std::uint8_t>& buffer = state_->buffer;
  if (buffer.size() + bytes.size() > kBufferBytes) {
    if (absl::Status status = state_->Flush(); !status.ok()) return status;
    if (bytes.size() >= kBufferBytes) {
      if (absl::Status status = WriteAll(state_->descriptor, state_->flushed, bytes, state_->path);
          !status.ok()) {
        return status;
      }
      state_->flushed += static_cast<std::int64_t>(bytes.size());
      return absl::OkStatus();
    }
  }
  buffer.insert(buffer.end(), bytes.begin(), bytes.end());
  return absl::OkStatus();
}

absl::Status FileWriter::WriteAt(std::int64_t offset, std::span<const std::uint8_t> bytes) {
  if (offset < 0 || offset + static_cast<std::int64_t>(bytes.size()) > size()) {
    return absl::OutOfRangeError("WriteAt only overwrites bytes already written");
  }
  if (absl::Status status = state_->Flush(); !status.ok()) return status;
  return WriteAll(state_->descriptor, offset, bytes, state_->path);
}

absl::Status FileWriter::Flush() { return state_->Flush(); }

absl::Status FileWriter::Finish() {
  if (absl::Status status = state_->Flush(); !status.ok()) return status;
  return Sync(state_->descriptor, state_->path);
}

std::int64_t FileWriter::size() const {
  return state_->flushed + static_cast<std::int64_t>(state_->buffer.size());
}

absl::Status SyncFolder(const std::filesystem::path& folder) {
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return SystemError(errno, "open", folder.native());
  auto status = Sync(descriptor, folder);
  ::close(descriptor);
  return status;
}

absl::Status RenameNew(const std::filesystem::path& from, const std::filesystem::path& to) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) {
    return absl::OkStatus();
  }
  if (errno != EINVAL && errno != ENOSYS) return SystemError(errno, "rename to", to.native());
  // A file system without RENAME_NOREPLACE (NFS among them). link() never
  // replaces, but does not take folders.
  struct stat status {};
  if (::lstat(from.c_str(), &status) != 0) return SystemError(errno, "rename", from.native());
  if (!S_ISDIR(status.st_mode)) {
    if (::link(from.c_str(), to.c_str()) != 0) {
      return SystemError(errno, "rename to", to.native());
    }
    if (::unlink(from.c_str()) != 0) return SystemError(errno, "remove", from.native());
    return absl::OkStatus();
  }
  // mkdir() claims the name atomically; rename() then replaces the empty folder
  // and fails with ENOTEMPTY or EEXIST once anything is in it.
  if (::mkdir(to.c_str(), 0777) != 0) return SystemError(errno, "rename to", to.native());
  if (::rename(from.c_str(), to.c_str()) != 0) {
    const int error = errno == ENOTEMPTY ? EEXIST : errno;
    if (error != EEXIST) ::rmdir(to.c_str());
    return SystemError(error, "rename to", to.native());
  }
  return absl::OkStatus();
}

struct Sha256::State {
  State() : context(EVP_MD_CTX_new()) {
    // Out of memory, or a libcrypto without SHA-256: no digest means nothing
    // can be stored, so there is nothing better to do than stop.
    if (context == nullptr || EVP_DigestInit_ex(context, EVP_sha256(), nullptr) != 1) std::abort();
  }
  ~State() { EVP_MD_CTX_free(context); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  EVP_MD_CTX* context;
};

Sha256::Sha256() : state_(std::make_unique<State>()) {}
Sha256::~Sha256() = default;

void Sha256::Update(std::span<const std::uint8_t> bytes) {
  if (EVP_DigestUpdate(state_->context, bytes.data(), bytes.size()) != 1) std::abort();
}

void Sha256::Update(std::string_view bytes) {
  if (EVP_DigestUpdate(state_->context, bytes.data(), bytes.size()) != 1) std::abort();
}

std::string Sha256::HexDigest() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  if (EVP_DigestFinal_ex(state_->context, digest.data(), &size) != 1) std::abort();
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string text;
  text.reserve(std::size_t{2} * size);
  for (unsigned int i = 0; i < size; ++i) {
    text.push_back(kHex[digest[i] >> 4]);
    text.push_back(kHex[digest[i] & 15]);
  }
  return text;
}

}  // namespace trainyard

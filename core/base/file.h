// Files that survive a crash, and SHA-256.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace trainyard {

// A file being written, buffered. Destroying it unfinished leaves the partial
// file behind for the owner of the folder to remove. One thread at a time.
class FileWriter {
 public:
  // Creates or truncates.
  static absl::StatusOr<std::unique_ptr<FileWriter>> Create(const std::filesystem::path& path);
  ~FileWriter();
  FileWriter(const FileWriter&) = delete;
  FileWriter& operator=(const FileWriter&) = delete;

  absl::Status Write(std::span<const std::uint8_t> bytes);
  // Overwrites bytes already written (a header whose counts are known late).
  absl::Status WriteAt(std::int64_t offset, std::span<const std::uint8_t> bytes);
  // Hands everything to the kernel, so that others can read it.
  absl::Status Flush();
  // Flushes and fsyncs.
  absl::Status Finish();
  std::int64_t size() const;

 private:
  struct State;
  explicit FileWriter(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Whether something failed for want of space.
bool IsDiskFull(const absl::Status& status);

absl::Status SyncFolder(const std::filesystem::path& folder);

// Makes what was written durable. One that fails is never tried again: the kernel
// may by then take for written what is not (Rebello et al., ATC 2020).
absl::Status Sync(int descriptor, const std::filesystem::path& path);

// What a failed sync comes to, unless it failed for want of space: `handler` is
// called and must not return. Without one the error is returned. Set it before
// there are threads, in a process whose word others rely on.
void SetSyncFailureHandler(void (*handler)(const absl::Status& error));
// For syncs that others did, such as a database's; returns `error`.
absl::Status SyncFailed(absl::Status error);

// rename() that fails with ALREADY_EXISTS where `to` is there.
absl::Status RenameNew(const std::filesystem::path& from, const std::filesystem::path& to);

// Incremental SHA-256.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;
  void Update(std::span<const std::uint8_t> bytes);
  void Update(std::string_view bytes);
  // Lower-case hexadecimal; the object is spent.
  std::string HexDigest();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace trainyard

// The data directory. This header draws it and is the only code that builds
// its paths.
//
//   DATA_DIR/
//     lock                          one server a directory
//     trainyard.db                  SQLite, WAL
//     reserve                       space for deleting on a full disk
//     datasets/<sha256>/            features.npy targets.npy
//     jobs/<uid>/checkpoints/       <epoch>-<sample>-a<attempt>-<sha256>.safetensors
//     jobs/<uid>/worker.log
//     uploads/<uid>/                data labels staging/, while a dataset is made
//     tls/                          certificates and their keys, once it is a class's
//     run/                          worker.sock, serve.sock, logs of short tasks
//     run/<uid>                     held by a training worker, with its pid
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace trainyard::server {

// Paths below one data directory. Immutable; any thread.
class Layout {
 public:
  explicit Layout(std::filesystem::path root) : root_(std::move(root)) {}

  // Makes the folders that are missing, readable by their owner alone. Errors:
  // FAILED_PRECONDITION where the path is too long for a Unix socket, or is
  // not a folder that we may write.
  absl::Status Create() const;

  const std::filesystem::path& root() const { return root_; }
  std::filesystem::path Lock() const { return root_ / "lock"; }
  std::filesystem::path Database() const { return root_ / "trainyard.db"; }
  std::filesystem::path Reserve() const { return root_ / "reserve"; }
  std::filesystem::path Tls() const { return root_ / "tls"; }
  std::filesystem::path WorkerSocket() const { return root_ / "run" / "worker.sock"; }
  // Where the worker that serves models takes rows from.
  std::filesystem::path ServeSocket() const { return root_ / "run" / "serve.sock"; }
  // Locked by the worker that trains a job, for as long as it lives.
  std::filesystem::path WorkerLock(std::string_view job_uid) const {
    return root_ / "run" / job_uid;
  }
  // Log of a worker whose task leaves no folder of its own.
  std::filesystem::path TaskLog(std::string_view kind) const {
    return root_ / "run" / (std::string(kind) + ".log");
  }

  std::filesystem::path Dataset(std::string_view digest) const {
    return root_ / "datasets" / digest;
  }
  std::filesystem::path Job(std::string_view uid) const { return root_ / "jobs" / uid; }
  std::filesystem::path Checkpoints(std::string_view job_uid) const {
    return Job(job_uid) / "checkpoints";
  }
  std::filesystem::path WorkerLog(std::string_view job_uid) const {
    return Job(job_uid) / "worker.log";
  }
  std::filesystem::path Upload(std::string_view uid) const { return root_ / "uploads" / uid; }
  std::filesystem::path UploadData(std::string_view uid) const { return Upload(uid) / "data"; }
  std::filesystem::path UploadLabels(std::string_view uid) const { return Upload(uid) / "labels"; }
  std::filesystem::path Staging(std::string_view uid) const { return Upload(uid) / "staging"; }

  // The path of a worker's checkpoint relative to the root, as tasks name it.
  static std::string RelativeCheckpoint(std::string_view job_uid, std::string_view file) {
    return "jobs/" + std::string(job_uid) + "/checkpoints/" + std::string(file);
  }
  std::string Relative(const std::filesystem::path& path) const {
    return path.lexically_relative(root_).string();
  }

 private:
  std::filesystem::path root_;
};

// Holds DATA_DIR/lock for as long as it lives, so that one server owns the
// directory.
class DirectoryLock {
 public:
  // Errors: FAILED_PRECONDITION where another process holds it.
  static absl::Status Acquire(const Layout& layout, DirectoryLock& lock);
  DirectoryLock() = default;
  ~DirectoryLock();
  DirectoryLock(const DirectoryLock&) = delete;
  DirectoryLock& operator=(const DirectoryLock&) = delete;

 private:
  int descriptor_ = -1;
};

}  // namespace trainyard::server

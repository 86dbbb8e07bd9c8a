#include "server/admin/backup.h"

#include <array>
#include <cerrno>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/base/file.h"
#include "core/base/text.h"
#include "server/store/store.h"
#include "server/tls/authority.h"
#include "trainyard/store/v1/records.pb.h"
#include "trainyard/v1/dataset.pb.h"

namespace trainyard::server {
namespace {

namespace fs = std::filesystem;

constexpr int kPage = 1000;
// Checkpoints are dropped every few seconds, and a copy takes seconds.
constexpr int kTries = 20;

// NOT_FOUND where `from` is gone.
absl::Status CopyFile(const fs::path& from, const fs::path& to) {
  std::ifstream source(from, std::ios::binary);
  if (!source) return SystemError(errno, "open", from.string());
  auto copy = FileWriter::Create(to);
  if (!copy.ok()) return copy.status();
  std::array<char, 1 << 16> block{};
  while (source.read(block.data(), block.size()) || source.gcount() > 0) {
    const auto size = static_cast<std::size_t>(source.gcount());
    auto status = (*copy)->Write({reinterpret_cast<const std::uint8_t*>(block.data()), size});
    if (!status.ok()) return status;
  }
  if (source.bad()) return SystemError(errno, "read", from.string());
  return (*copy)->Finish();
}

// Paths, relative to the root, that the copied database of `layout` names, and of what
// it needs beside.
absl::StatusOr<std::set<std::string>> FilesOf(const Layout& from, const Layout& layout) {
  auto store = Store::Open(layout);
  if (!store.ok()) return store.status();
  std::set<std::string> files;
  const auto status = (*store)->Read([&](Reader& reader) -> absl::Status {
    for (const auto kind : {ResourceKind::kDataset, ResourceKind::kJob}) {
      std::int64_t after = 0;
      while (true) {
        auto rows = reader.ListAll(kind, after, kPage);
        if (!rows.ok()) return rows.status();
        if (rows->empty()) break;
        after = rows->back().id;
        for (const ResourceRow& row : *rows) {
          if (!row.digest.empty()) {
            for (const char* name : {"features.npy", "targets.npy"}) {
              files.insert(layout.Relative(layout.Dataset(row.digest) / name));
            }
          }
          if (kind == ResourceKind::kDataset) {
            // There while the dataset is made.
            for (const auto& part : {from.UploadData(row.uid), from.UploadLabels(row.uid)}) {
              if (fs::exists(part)) files.insert(from.Relative(part));
            }
          }
          store::v1::JobRecord record;
          if (kind != ResourceKind::kJob || !record.ParseFromString(row.body)) continue;
          for (const auto& kept : record.checkpoints()) {
            files.insert(Layout::RelativeCheckpoint(row.uid, kept.file()));
          }
        }
      }
    }
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  // The database names none of a class's, and without them its server does not start.
  for (const fs::path& file : TlsFiles(from.Tls()).All()) {
    if (fs::exists(file)) files.insert(from.Relative(file));
  }
  return files;
}

absl::Status CopyNamedFiles(const Layout& from, const Layout& to) {
  auto files = FilesOf(from, to);
  if (!files.ok()) return files.status();
  std::set<fs::path> folders = {to.root()};
  for (const std::string& file : *files) {
    const fs::path target = to.root() / file;
    std::error_code error;
    // From an earlier try. An upload may have grown since; nothing else changes.
    const bool grows = target.parent_path().parent_path() == to.Upload("").parent_path();
    if (!grows && fs::exists(target, error)) continue;
    fs::create_directories(target.parent_path(), error);
    if (error) return SystemError(error.value(), "make folder", target.parent_path().string());
    if (auto status = CopyFile(from.root() / file, target); !status.ok()) {
      fs::remove(target, error);
      return status;
    }
    for (fs::path folder = target.parent_path(); folder != to.root();
         folder = folder.parent_path()) {
      folders.insert(folder);
    }
  }
  for (const fs::path& folder : folders) {
    if (auto status = SyncFolder(folder); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status CheckTarget(const Layout& from, const fs::path& to) {
  if (!fs::exists(from.Database())) {
    return MakeError(absl::StatusCode::kFailedPrecondition, {"NO_DATABASE", "--data-dir", {}},
                     StrCat(from.root().string(), " holds no ", from.Database().filename().string(),
                            "; give the --data-dir of a server"));
  }
  std::error_code error;
  const fs::path inside =
      fs::weakly_canonical(to, error).lexically_relative(fs::weakly_canonical(from.root(), error));
  if (!inside.empty() && *inside.begin() != "..") {
    return MakeError(absl::StatusCode::kFailedPrecondition, {"TARGET_INSIDE", "--to", {}},
                     StrCat(to.string(), " is inside ", from.root().string(),
                            ", whose loss a backup is for; give a folder elsewhere"));
  }
  if (!fs::exists(to, error) || fs::is_empty(to, error)) return absl::OkStatus();
  return MakeError(absl::StatusCode::kFailedPrecondition, {"TARGET_NOT_EMPTY", "--to", {}},
                   StrCat(to.string(), " is not empty; give a folder that is, or a new one"));
}

}  // namespace

absl::Status BackUpDirectory(const Layout& from, const fs::path& to) {
  if (auto status = CheckTarget(from, to); !status.ok()) return status;
  const Layout copy(to);
  if (auto status = copy.Create(); !status.ok()) return status;
  absl::Status status;
  for (int i = 0; i < kTries; ++i) {
    for (const char* suffix : {"", "-wal", "-shm"}) {
      std::error_code ignored;
      fs::remove(copy.Database().string() + suffix, ignored);
    }
    status = CopyDatabaseOf(from, copy.Database());
    if (status.ok()) status = CopyNamedFiles(from, copy);
    if (!absl::IsNotFound(status)) return status;
  }
  return MakeError(absl::StatusCode::kDataLoss, {"FILE_GONE", "", {}},
                   StrCat(status.message(), "; `trainyard-server check` says, with the server ",
                          "stopped, what is wrong with the directory and what to do"));
}

}  // namespace trainyard::server

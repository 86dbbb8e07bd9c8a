#include "server/store/folders.h"

#include <system_error>

#include "core/base/error.h"
#include "core/base/file.h"

namespace trainyard::server {

absl::Status MakeFolders(const std::filesystem::path& root, const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return SystemError(error.value(), "make the folder", folder.string());
  // Those that were there already, too: who made them may have been killed before this.
  for (std::filesystem::path one = folder; one != root; one = one.parent_path()) {
    if (auto status = SyncFolder(one.parent_path()); !status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace trainyard::server

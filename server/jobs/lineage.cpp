#include "server/jobs/lineage.h"

#include <filesystem>

#include "core/base/error.h"
#include "core/base/file.h"
#include "core/base/text.h"
#include "server/jobs/kept_checkpoints.h"
#include "server/resources/clock.h"
#include "server/store/folders.h"

namespace trainyard::server {

using store::v1::JobRecord;
using store::v1::KeptCheckpoint;

JobRecord WithSpecOf(const JobRecord& source) {
  JobRecord record;
  *record.mutable_dataset() = source.dataset();
  if (source.has_validation_dataset()) {
    *record.mutable_validation_dataset() = source.validation_dataset();
  }
  v1::TrainingJob& job = *record.mutable_job();
  *job.mutable_spec() = source.job().spec();
  *job.mutable_network_spec() = source.job().network_spec();
  job.set_dataset_digest(source.job().dataset_digest());
  job.set_validation_dataset_digest(source.job().validation_dataset_digest());
  job.set_row_count(source.job().row_count());
  *job.mutable_create_time() = Now();
  return record;
}

void StartFrom(const KeptCheckpoint& from, JobRecord& record) {
  *record.add_checkpoints() = from;
  record.mutable_job()->set_epochs_completed(from.epoch());
  ListKeptEpochs(record);
}

absl::StatusOr<KeptCheckpoint> FindKept(const JobRecord& record, std::optional<int> epoch) {
  for (auto one = record.checkpoints().rbegin(); one != record.checkpoints().rend(); ++one) {
    if (one->sample() == 0 && (!epoch || one->epoch() == *epoch)) return *one;
  }
  std::string kept;
  for (const int one : record.job().checkpoint_epochs()) kept += StrCat(" ", one);
  return MakeError(absl::StatusCode::kFailedPrecondition, {"CHECKPOINT_NOT_KEPT", "epoch", {}},
                   StrCat(record.job().name(), " keeps no weights of ",
                          epoch ? StrCat("epoch ", *epoch) : std::string("any epoch"),
                          "; it keeps those of:", kept.empty() ? " none" : kept));
}

absl::Status ShareCheckpoint(const Layout& layout, const std::string& from_uid,
                             const std::string& to_uid, const std::string& file) {
  auto made = MakeFolders(layout.root(), layout.Checkpoints(to_uid));
  if (!made.ok()) return made;
  std::error_code error;
  std::filesystem::create_hard_link(layout.Checkpoints(from_uid) / file,
                                    layout.Checkpoints(to_uid) / file, error);
  if (error == std::errc::no_such_file_or_directory) {
    return MakeError(absl::StatusCode::kFailedPrecondition, {"CHECKPOINT_NOT_KEPT", "epoch", {}},
                     "the weights have been dropped this moment; choose an epoch that is kept");
  }
  if (error) return SystemError(error.value(), "link checkpoint", file);
  return SyncFolder(layout.Checkpoints(to_uid));
}

}  // namespace trainyard::server

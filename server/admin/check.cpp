#include "server/admin/check.h"

#include <filesystem>
#include <functional>
#include <set>

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/checkpoint/checkpoint.h"
#include "core/data/content_digest.h"
#include "server/convert/network.h"
#include "server/store/store.h"
#include "server/tls/authority.h"
#include "trainyard/store/v1/records.pb.h"

namespace trainyard::server {
namespace {

namespace fs = std::filesystem;
using store::v1::JobRecord;

constexpr int kPage = 1000;

bool IsBeingMade(v1::Dataset::State state) {
  return state == v1::Dataset::UPLOADING || state == v1::Dataset::INGESTING;
}

class Checker {
 public:
  Checker(const Layout& layout, Reader& reader) : layout_(layout), reader_(reader) {}

  absl::Status Run() {
    auto status = ForEach(ResourceKind::kDataset, [this](const auto& row) { Dataset(row); });
    if (status.ok()) {
      status = ForEach(ResourceKind::kNetwork, [this](const auto& row) { Network(row); });
    }
    if (status.ok()) status = ForEach(ResourceKind::kJob, [this](const auto& row) { Job(row); });
    if (status.ok()) {
      status = ForEach(ResourceKind::kEvaluation, [this](const auto& row) { Evaluation(row); });
    }
    if (status.ok()) status = Certificates();
    if (!status.ok()) return status;
    FindLeftovers(layout_.Dataset(""), digests_);
    FindLeftovers(layout_.Job(""), jobs_);
    FindLeftovers(layout_.Upload(""), uploads_);
    return absl::OkStatus();
  }

  CheckReport report() { return std::move(report_); }

 private:
  absl::Status ForEach(ResourceKind kind, const std::function<void(const ResourceRow&)>& visit) {
    std::int64_t after = 0;
    while (true) {
      auto rows = reader_.ListAll(kind, after, kPage);
      if (!rows.ok()) return rows.status();
      if (rows->empty()) return absl::OkStatus();
      for (const ResourceRow& row : *rows) visit(row);
      after = rows->back().id;
    }
  }

  void Fault(const std::string& what) { report_.faults.push_back(what); }

  // A class has them: its server does not start without.
  absl::Status Certificates() {
    const auto users = reader_.ListAll(ResourceKind::kUser, 0, 1);
    if (!users.ok() || users->empty()) return users.status();
    const TlsFiles files(layout_.Tls());
    for (const fs::path& file : {files.authority_key, files.authority, files.key, files.chain}) {
      std::error_code error;
      if (fs::exists(file, error)) continue;
      Fault(StrCat(file.string(), " is not there; restore it from a backup"));
    }
    return absl::OkStatus();
  }

  void Dataset(const ResourceRow& row) {
    ++report_.datasets;
    v1::Dataset dataset;
    if (!dataset.ParseFromString(row.body)) {
      return Fault(StrCat(row.name, ": its record cannot be read; restore a backup"));
    }
    if (IsBeingMade(dataset.state())) {
      uploads_.insert(row.uid);
      for (const auto& part : dataset.parts()) Part(row, part);
    }
    if (dataset.state() != v1::Dataset::ACTIVE || !digests_.insert(row.digest).second) return;
    const fs::path folder = layout_.Dataset(row.digest);
    const auto stored = trainyard::Dataset::Open(folder);
    const std::string remedy = "; restore it from a backup, or delete the dataset and upload again";
    if (!stored.ok()) {
      return Fault(
          StrCat(row.name, ": ", folder.string(), ": ", stored.status().message(), remedy));
    }
    if (ContentDigestOf(*stored) != row.digest) {
      Fault(StrCat(row.name, ": the content of ", folder.string(), " is not what its digest says",
                   remedy));
    }
  }

  void Part(const ResourceRow& row, const v1::UploadPart& part) {
    const fs::path file = part.kind() == v1::UploadPart::LABELS ? layout_.UploadLabels(row.uid)
                                                                : layout_.UploadData(row.uid);
    std::error_code error;
    const auto size = fs::file_size(file, error);
    const std::int64_t bytes = error ? 0 : static_cast<std::int64_t>(size);
    if (bytes >= part.committed_bytes()) return;
    Fault(StrCat(row.name, ": ", file.string(), " has ", bytes, " bytes of the ",
                 part.committed_bytes(), " that were uploaded; delete the dataset and upload ",
                 "again"));
  }

  void Network(const ResourceRow& row) {
    v1::Network network;
    if (!network.ParseFromString(row.body) || network.name() != row.name) {
      Fault(StrCat(row.name, ": its record cannot be read; restore a backup"));
    }
  }

  void Evaluation(const ResourceRow& row) {
    store::v1::EvaluationRecord record;
    if (!record.ParseFromString(row.body) || record.evaluation().name() != row.name) {
      return Fault(StrCat(row.name, ": its record cannot be read; restore a backup"));
    }
    if (!jobs_.contains(record.job_uid())) {
      Fault(StrCat(row.name, ": its job is not there; restore a backup"));
    }
  }

  void Job(const ResourceRow& row) {
    ++report_.jobs;
    jobs_.insert(row.uid);
    JobRecord record;
    if (!record.ParseFromString(row.body) || record.job().name() != row.name) {
      return Fault(StrCat(row.name, ": its record cannot be read; restore a backup"));
    }
    if (record.job().state() != row.state) {
      Fault(StrCat(row.name, ": its record and its row have different states; restore a backup"));
    }
    Log(row, record.job());
    auto network = ToCore(record.job().network_spec());
    if (!network.ok()) {
      return Fault(StrCat(row.name, ": its network: ", network.status().message()));
    }
    std::set<std::string> files;
    for (const auto& kept : record.checkpoints()) {
      files.insert(kept.file());
      Checkpoint(row, kept.file(), *network);
    }
    FindLeftovers(layout_.Checkpoints(row.uid), files);
  }

  void Log(const ResourceRow& row, const v1::TrainingJob& job) {
    const auto span = reader_.SpanOf(row.uid);
    if (!span.ok()) return Fault(StrCat(row.name, ": its log: ", span.status().message()));
    report_.events += span->count;
    const bool whole = span->first == job.first_sequence() && span->last == job.last_sequence() &&
                       span->count == span->last - span->first + 1;
    if (whole) return Events(row);
    Fault(StrCat(row.name, ": its log has ", span->count, " events from ", span->first, " to ",
                 span->last, " and should have those from ", job.first_sequence(), " to ",
                 job.last_sequence(), "; restore a backup"));
  }

  // The first event of a log that is not what was written.
  void Events(const ResourceRow& row) {
    std::int64_t after = 0;
    while (true) {
      const auto events = reader_.Events(row.uid, after, kPage);
      if (!events.ok()) return Fault(StrCat(row.name, ": its log: ", events.status().message()));
      if (events->empty()) return;
      for (const EventRow& stored : *events) {
        v1::TrainingEvent event;
        after = stored.sequence;
        if (event.ParseFromString(stored.body) && event.sequence() == stored.sequence) continue;
        return Fault(StrCat(row.name, ": event ", stored.sequence,
                            " of its log cannot be read; restore a backup"));
      }
    }
  }

  void Checkpoint(const ResourceRow& row, const std::string& file, const NetworkSpec& network) {
    ++report_.checkpoints;
    const fs::path path = layout_.Checkpoints(row.uid) / file;
    const auto checkpoint = ReadCheckpoint(path, network);
    if (checkpoint.ok()) return;
    Fault(StrCat(row.name, ": ", path.string(), ": ", checkpoint.status().message(),
                 "; restore it from a backup, or go on without it: a job that is not finished "
                 "goes on from the one before"));
  }

  void FindLeftovers(const fs::path& folder, const std::set<std::string>& known) {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(folder, error)) {
      if (!known.contains(entry.path().filename().string())) {
        report_.leftovers.push_back(entry.path().string());
      }
    }
  }

  const Layout& layout_;
  Reader& reader_;
  CheckReport report_;
  std::set<std::string> digests_;
  std::set<std::string> jobs_;
  std::set<std::string> uploads_;
};

}  // namespace

absl::StatusOr<CheckReport> CheckDirectory(const Layout& layout) {
  if (!fs::exists(layout.Database())) {
    return MakeError(
        absl::StatusCode::kFailedPrecondition, {"NO_DATABASE", "--data-dir", {}},
        StrCat(layout.root().string(), " holds no ", layout.Database().filename().string(),
               "; give the --data-dir of a server"));
  }
  DirectoryLock lock;
  if (auto status = DirectoryLock::Acquire(layout, lock); !status.ok()) return status;
  auto store = Store::Open(layout, Store::Thoroughness::kEveryPage);
  if (!store.ok()) return store.status();
  CheckReport report;
  const auto status = (*store)->Read([&](Reader& reader) {
    Checker checker(layout, reader);
    auto done = checker.Run();
    report = checker.report();
    return done;
  });
  if (!status.ok()) return status;
  return report;
}

}  // namespace trainyard::server

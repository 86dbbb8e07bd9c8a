#include "server/serving/model_directory.h"

#include <utility>

#include "core/base/error.h"
#include "core/base/text.h"
#include "server/store/layout.h"
#include "trainyard/store/v1/records.pb.h"
#include "trainyard/worker/v1/worker.pb.h"

namespace trainyard::server {
namespace {

using store::v1::JobRecord;
using store::v1::KeptCheckpoint;

// Then all of it is forgotten.
constexpr std::size_t kMostRemembered = 1024;
constexpr int kPage = 200;

// users/{user}/jobs/{job} of user.job or job.
std::string JobName(const std::string& name) {
  const auto dot = name.find('.');
  if (dot == std::string::npos) return StrCat("users/me/jobs/", name);
  return StrCat("users/", name.substr(0, dot), "/jobs/", name.substr(dot + 1));
}

// user.job of users/{user}/jobs/{job}.
std::string ModelName(const std::string& job) {
  const auto parts = Split(job, '/');
  return StrCat(parts[1], ".", parts[3]);
}

absl::Status NoModel(const std::string& name) {
  return MakeError(absl::StatusCode::kNotFound, {"NOT_FOUND", "", {{"resource", name}}},
                   StrCat("model ", name, " does not exist"));
}

absl::StatusOr<std::shared_ptr<const ServedVersion>> Describe(const JobRecord& record,
                                                              const std::string& version) {
  auto served = std::make_shared<ServedVersion>();
  const KeptCheckpoint* chosen = nullptr;
  for (const KeptCheckpoint& kept : record.checkpoints()) {
    if (kept.sample() != 0) continue;
    served->versions.push_back(StrCat(kept.epoch()));
    if (version.empty() || served->versions.back() == version) chosen = &kept;
  }
  served->name = ModelName(record.job().name());
  if (chosen == nullptr) {
    std::string kept;
    for (const std::string& one : served->versions) kept += StrCat(" ", one);
    return MakeError(absl::StatusCode::kNotFound, {"NO_SUCH_VERSION", "model_version", {}},
                     kept.empty() ? StrCat("model ", served->name, " keeps no weights yet")
                                  : StrCat("model ", served->name, " has no version ", version,
                                           "; it has those of the epochs", kept));
  }
  const v1::NetworkSpec& network = record.job().network_spec();
  served->version = StrCat(chosen->epoch());
  served->inputs = network.input_count();
  served->outputs = network.layers().rbegin()->units();
  served->classification = record.dataset().task() == v1::CLASSIFICATION;
  worker::v1::Model model;
  *model.mutable_network() = network;
  model.set_checkpoint_path(Layout::RelativeCheckpoint(record.job().uid(), chosen->file()));
  model.set_classification(served->classification);
  served->key = model.SerializeAsString();
  return served;
}

}  // namespace

absl::StatusOr<std::shared_ptr<const ServedVersion>> ModelDirectory::Find(
    const Caller& caller, std::string_view field, const std::string& name,
    const std::string& version) {
  if (name.empty()) {
    return FieldError(field, "REQUIRED", StrCat(field, " is required: user.job, or your own job"));
  }
  // Before the read: what changes during it is read again.
  const std::uint64_t changes = store_.changes();
  const std::string key =
      StrCat(caller.user, " ", static_cast<int>(caller.role), " ", name, " ", version);
  {
    const std::lock_guard lock(mutex_);
    const auto found = found_.find(key);
    if (found != found_.end() && found->second.changes == changes) return found->second.version;
  }
  const auto job = ResolveName(caller, field, "jobs", JobName(name));
  if (!job.ok()) return NoModel(name);
  std::shared_ptr<const ServedVersion> served;
  const auto status = store_.Read([&](Reader& reader) -> absl::Status {
    auto row = reader.Get(ResourceKind::kJob, *job);
    if (!row.ok()) return absl::IsNotFound(row.status()) ? NoModel(name) : row.status();
    JobRecord record;
    record.ParseFromString(row->body);
    auto described = Describe(record, version);
    if (!described.ok()) return described.status();
    served = *std::move(described);
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  const std::lock_guard lock(mutex_);
  if (found_.size() >= kMostRemembered) found_.clear();
  found_[key] = {changes, served};
  return served;
}

absl::Status ModelDirectory::List(
    const Caller& caller,
    const std::function<void(const std::string&, const std::string&)>& visit) {
  return store_.Read([&](Reader& reader) -> absl::Status {
    for (std::int64_t after = 0;;) {
      auto rows = reader.List(ResourceKind::kJob, caller.user, after, kPage);
      if (!rows.ok()) return rows.status();
      if (rows->empty()) return absl::OkStatus();
      for (const ResourceRow& row : *rows) {
        after = row.id;
        JobRecord record;
        record.ParseFromString(row.body);
        for (const int epoch : record.job().checkpoint_epochs()) {
          visit(ModelName(row.name), StrCat(epoch));
        }
      }
    }
  });
}

}  // namespace trainyard::server

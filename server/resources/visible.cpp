#include "server/resources/visible.h"

#include <string>

#include "core/base/error.h"
#include "core/base/text.h"

namespace trainyard::server {
namespace {

absl::Status Hidden(std::string_view field, std::string_view name) {
  return MakeError(absl::StatusCode::kPermissionDenied, {"DATASET_HIDDEN", std::string(field), {}},
                   StrCat(name, " is HIDDEN: it can be evaluated on, and nothing else"));
}

// References reach for the whole class; visibility decides.
Caller Reaching(const Caller& caller) {
  Caller reaching = caller;
  reaching.reach = Reach::kClass;
  return reaching;
}

// What may be used is narrower than what may be known of: staff see that a
// student's dataset is there, and do not train on it.
bool MayUse(const Caller& caller, std::string_view owner, v1::Visibility visibility) {
  return owner == caller.user || visibility == v1::CLASS || visibility == v1::HIDDEN;
}

}  // namespace

bool MayKnow(const Caller& caller, std::string_view owner, v1::Visibility visibility) {
  return caller.staff() || MayUse(caller, owner, visibility);
}

v1::Dataset SeenBy(const Caller& caller, v1::Dataset dataset) {
  if (dataset.visibility() != v1::HIDDEN || OwnerOf(dataset.name()) == caller.user) return dataset;
  dataset.clear_label_histogram();
  dataset.clear_digest();
  dataset.clear_size_bytes();
  dataset.clear_source();
  dataset.clear_parts();
  dataset.clear_auto_input_scaling();
  // It says the value that could not be read.
  dataset.clear_error();
  return dataset;
}

absl::StatusOr<v1::Dataset> FindDataset(Reader& reader, const Caller& caller,
                                        std::string_view field, std::string_view name,
                                        DatasetUse use) {
  auto resolved = ResolveName(Reaching(caller), field, "datasets", name);
  if (!resolved.ok()) return resolved.status();
  auto row = reader.Get(ResourceKind::kDataset, *resolved);
  if (!row.ok()) return row.status();
  v1::Dataset dataset;
  dataset.ParseFromString(row->body);
  if (!MayUse(caller, row->parent, dataset.visibility())) return NotFound(*resolved);
  if (dataset.visibility() == v1::HIDDEN && use != DatasetUse::kEvaluate) {
    return Hidden(field, *resolved);
  }
  if (dataset.state() == v1::Dataset::ACTIVE) return dataset;
  const std::string& state = v1::Dataset::State_Name(dataset.state());
  return MakeError(absl::StatusCode::kFailedPrecondition,
                   {"DATASET_NOT_ACTIVE", std::string(field), {{"state", state}}},
                   StrCat(dataset.name(), " is ", state, ", not ACTIVE"));
}

absl::StatusOr<v1::Network> FindNetwork(Reader& reader, const Caller& caller,
                                        std::string_view field, std::string_view name) {
  auto resolved = ResolveName(Reaching(caller), field, "networks", name);
  if (!resolved.ok()) return resolved.status();
  auto row = reader.Get(ResourceKind::kNetwork, *resolved);
  if (!row.ok()) return row.status();
  v1::Network network;
  network.ParseFromString(row->body);
  if (!MayUse(caller, row->parent, network.visibility())) return NotFound(*resolved);
  return network;
}

absl::Status CheckStillReadable(Reader& reader, const Caller& caller, const v1::Dataset& dataset) {
  auto row = reader.Get(ResourceKind::kDataset, dataset.name());
  v1::Dataset now = dataset;
  if (row.ok() && row->uid == dataset.uid()) now.ParseFromString(row->body);
  if (now.visibility() == v1::HIDDEN) return Hidden("", dataset.name());
  if (MayUse(caller, OwnerOf(now.name()), now.visibility())) return absl::OkStatus();
  return MakeError(absl::StatusCode::kPermissionDenied, {"DATASET_NOT_SHARED", "", {}},
                   StrCat(dataset.name(), " is no longer shared with the class; train on another"));
}

}  // namespace trainyard::server

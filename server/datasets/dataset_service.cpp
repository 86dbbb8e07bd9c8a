// The calls that users make, but for uploads; see upload.cpp and ingest.cpp.
#include "server/datasets/dataset_service.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <utility>
#include <vector>

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/data/dataset.h"
#include "server/convert/dataset.h"
#include "server/resources/clock.h"
#include "server/resources/request.h"
#include "server/resources/visible.h"
#include "trainyard/store/v1/records.pb.h"

namespace trainyard::server {
namespace {

constexpr int kMaxPreviewRows = 100;

absl::Status CheckSharing(const v1::Dataset& dataset) {
  if (!v1::Visibility_IsValid(dataset.visibility())) {
    return FieldError("dataset.visibility", "INVALID_VISIBILITY",
                      "a dataset is PRIVATE, shared with the CLASS, or HIDDEN");
  }
  if (dataset.hidden_policy().evaluations_per_day() >= 0) return absl::OkStatus();
  return FieldError("dataset.hidden_policy.evaluations_per_day", "NEGATIVE",
                    "hidden_policy.evaluations_per_day is negative; 0 is without bound");
}

// What will be stored of a generated dataset, about; an upload is counted as it
// comes.
std::int64_t BytesToCome(const v1::Dataset& dataset) {
  if (!dataset.has_generator()) return 1;
  constexpr std::int64_t kDigitBytes = 28 * 28 + 4;
  constexpr std::int64_t kPointBytes = 3 * 4;
  const bool digits = dataset.generator().kind() == v1::GeneratorSource::DIGITS;
  return dataset.generator().row_count() * (digits ? kDigitBytes : kPointBytes);
}

// A new dataset from what the user may set.
absl::StatusOr<v1::Dataset> NewDataset(const std::string& parent,
                                       const v1::CreateDatasetRequest& request) {
  if (auto id = CheckId("dataset_id", request.dataset_id()); !id.ok()) return id;
  v1::Dataset dataset;
  const v1::Dataset& asked = request.dataset();
  dataset.set_task(asked.task());
  dataset.set_class_count(asked.class_count());
  dataset.set_visibility(asked.visibility());
  if (asked.has_hidden_policy()) *dataset.mutable_hidden_policy() = asked.hidden_policy();
  if (auto sharing = CheckSharing(dataset); !sharing.ok()) return sharing;
  if (asked.has_upload()) {
    *dataset.mutable_upload() = asked.upload();
    if (asked.task() == v1::TASK_UNSPECIFIED) dataset.set_task(v1::CLASSIFICATION);
    if (auto spec = ToIngestSpec(dataset); !spec.ok()) return spec.status();
    dataset.set_state(v1::Dataset::UPLOADING);
    dataset.add_parts()->set_kind(v1::UploadPart::DATA);
    if (asked.upload().separate_labels()) dataset.add_parts()->set_kind(v1::UploadPart::LABELS);
  } else if (asked.has_generator()) {
    *dataset.mutable_generator() = asked.generator();
    auto spec = ToGeneratorSpec(dataset);
    if (!spec.ok()) return spec.status();
    dataset.set_task(TaskOf(spec->kind) == Task::kRegression ? v1::REGRESSION : v1::CLASSIFICATION);
    dataset.mutable_generator()->set_row_count(spec->rows);
    dataset.set_state(v1::Dataset::INGESTING);
  } else {
    return FieldError("dataset.source", "REQUIRED",
                      "a dataset needs a source: upload or generator");
  }
  dataset.set_name(StrCat(parent, "/datasets/", request.dataset_id()));
  dataset.set_uid(NewUid());
  *dataset.mutable_create_time() = Now();
  return dataset;
}

// A FAILED dataset holds nothing: its name is free.
absl::Status MakeWay(Transaction& transaction, const std::string& name) {
  auto row = transaction.Get(ResourceKind::kDataset, name);
  if (!row.ok() || row->state != v1::Dataset::FAILED) return absl::OkStatus();
  return transaction.Delete(row->uid);
}

v1::DatasetRow RowOf(const Dataset& dataset, std::int64_t row) {
  v1::DatasetRow message;
  message.set_row(row);
  message.mutable_features()->Resize(dataset.features(), 0);
  dataset.CopyRow(row, {message.mutable_features()->mutable_data(),
                        static_cast<std::size_t>(dataset.features())});
  if (dataset.task() == Task::kClassification) {
    message.set_label(dataset.labels()[static_cast<std::size_t>(row)]);
  } else {
    const auto targets = dataset.targets().subspan(
        static_cast<std::size_t>(row) * static_cast<std::size_t>(dataset.target_count()),
        static_cast<std::size_t>(dataset.target_count()));
    message.mutable_targets()->Add(targets.begin(), targets.end());
  }
  return message;
}

}  // namespace

DatasetService::DatasetService(const Layout& layout, Store& store, WorkerPool& pool,
                               SlotQueue& slots, QuotaOf quota_of)
    : layout_(layout),
      store_(store),
      pool_(pool),
      slots_(slots),
      quota_of_(quota_of ? std::move(quota_of) : [](const std::string&) { return v1::Quota(); }) {}

absl::Status DatasetService::Change(const std::string& name, const std::string& uid,
                                    const std::function<absl::Status(v1::Dataset&)>& change,
                                    v1::Dataset* changed, Store::WhenFull when_full) {
  return store_.Commit(
      [&](Transaction& transaction) -> absl::Status {
        auto row = transaction.Get(ResourceKind::kDataset, name);
        if (!row.ok()) return row.status();
        if (row->uid != uid) return absl::NotFoundError(StrCat(name, " has been deleted"));
        v1::Dataset dataset;
        dataset.ParseFromString(row->body);
        if (auto status = change(dataset); !status.ok()) return status;
        row->state = dataset.state();
        row->digest = dataset.digest();
        row->body = dataset.SerializeAsString();
        if (changed != nullptr) *changed = std::move(dataset);
        return transaction.Update(*row);
      },
      when_full);
}

absl::StatusOr<v1::Dataset> DatasetService::Create(const Caller& caller,
                                                   const v1::CreateDatasetRequest& request) {
  v1::Dataset response;
  bool created = false;
  auto status = Once(
      store_, {caller, "CreateDataset", request, request.request_id(), request.validate_only()},
      response, [&](Transaction& transaction) -> absl::Status {
        auto parent = ResolveUser(caller, "parent", request.parent());
        if (!parent.ok()) return parent.status();
        auto dataset = NewDataset(*parent, request);
        if (!dataset.ok()) return dataset.status();
        response = *std::move(dataset);
        if (auto way = MakeWay(transaction, response.name()); !way.ok()) return way;
        auto room =
            CheckDatasetBytes(transaction, quota_of_(*parent), *parent, BytesToCome(response));
        if (!room.ok()) return room;
        ResourceRow row{0,
                        ResourceKind::kDataset,
                        response.name(),
                        response.uid(),
                        *parent,
                        response.state(),
                        "",
                        response.SerializeAsString()};
        created = !request.validate_only();
        return transaction.Insert(row);
      });
  if (!status.ok()) return status;
  if (created && response.state() == v1::Dataset::INGESTING) Ingest(response);
  return response;
}

absl::StatusOr<v1::Dataset> DatasetService::Get(const Caller& caller,
                                                const v1::GetDatasetRequest& request) {
  auto name = ResolveName(caller, "name", "datasets", request.name());
  if (!name.ok()) return name.status();
  v1::Dataset dataset;
  auto status = store_.Read([&](Reader& reader) -> absl::Status {
    auto row = reader.Get(ResourceKind::kDataset, *name);
    if (!row.ok()) return row.status();
    dataset.ParseFromString(row->body);
    return MayKnow(caller, row->parent, dataset.visibility()) ? absl::OkStatus() : NotFound(*name);
  });
  if (!status.ok()) return status;
  return SeenBy(caller, std::move(dataset));
}

absl::StatusOr<v1::ListDatasetsResponse> DatasetService::List(
    const Caller& caller, const v1::ListDatasetsRequest& request) {
  auto parent = ResolveList(caller, "parent", request.parent());
  if (!parent.ok()) return parent.status();
  auto page = ParsePage(request.page_size(), request.page_token());
  if (!page.ok()) return page.status();
  v1::ListDatasetsResponse response;
  auto status = store_.Read([&](Reader& reader) -> absl::Status {
    v1::Dataset dataset;
    auto next = ListPage(
        reader, ResourceKind::kDataset, *parent, *page,
        [&](const ResourceRow& row) {
          dataset.ParseFromString(row.body);
          return MayKnow(caller, row.parent, dataset.visibility());
        },
        [&](const ResourceRow&) { *response.add_datasets() = SeenBy(caller, dataset); });
    if (next.ok()) response.set_next_page_token(*next);
    return next.status();
  });
  if (!status.ok()) return status;
  return response;
}

absl::Status DatasetService::CheckUnused(Transaction& transaction, const Caller& caller,
                                         const v1::Dataset& dataset) {
  const auto in_use = [&](const std::string& used_by) {
    // What others do is theirs to know.
    const bool tell = caller.staff() || OwnerOf(used_by) == caller.user;
    const std::string user = tell ? used_by : std::string("a job of another user");
    return MakeError(
        absl::StatusCode::kFailedPrecondition, {"DATASET_IN_USE", "", {{"used_by", user}}},
        StrCat(dataset.name(), " is used by ", user, "; wait for it to end, or cancel it"));
  };
  using Job = v1::TrainingJob;
  for (const auto state : {Job::QUEUED, Job::RUNNING, Job::CANCELLING, Job::PAUSING, Job::PAUSED}) {
    auto rows = transaction.ListByState(ResourceKind::kJob, state);
    if (!rows.ok()) return rows.status();
    for (const ResourceRow& row : *rows) {
      store::v1::JobRecord record;
      record.ParseFromString(row.body);
      if (record.dataset().uid() == dataset.uid() ||
          record.validation_dataset().uid() == dataset.uid()) {
        return in_use(row.name);
      }
    }
  }
  auto rows = transaction.ListByState(ResourceKind::kEvaluation, v1::Evaluation::RUNNING);
  if (!rows.ok()) return rows.status();
  for (const ResourceRow& row : *rows) {
    store::v1::EvaluationRecord record;
    record.ParseFromString(row.body);
    if (record.dataset().uid() == dataset.uid()) return in_use(row.name);
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::Dataset> DatasetService::Update(const Caller& caller,
                                                   const v1::UpdateDatasetRequest& request) {
  auto name = ResolveName(caller, "dataset.name", "datasets", request.dataset().name());
  if (!name.ok()) return name.status();
  v1::Dataset response;
  auto status = Once(store_, {caller, "UpdateDataset", request, request.request_id()}, response,
                     [&](Transaction& transaction) -> absl::Status {
                       auto row = transaction.Get(ResourceKind::kDataset, *name);
                       if (!row.ok()) return row.status();
                       response.ParseFromString(row->body);
                       auto applied =
                           ApplyMask(request.update_mask(), {"visibility", "hidden_policy"},
                                     request.dataset(), response);
                       if (applied.ok()) applied = CheckSharing(response);
                       if (!applied.ok()) return applied;
                       row->body = response.SerializeAsString();
                       return transaction.Update(*row);
                     });
  if (!status.ok()) return status;
  return response;
}

absl::Status DatasetService::Delete(const Caller& caller, const v1::DeleteDatasetRequest& request) {
  auto name = ResolveName(caller, "name", "datasets", request.name());
  if (!name.ok()) return name.status();
  v1::DeleteDatasetRequest nothing;
  v1::Dataset deleted;
  int owners = 1;
  const std::lock_guard lock(content_mutex_);
  auto status =
      Once(store_,
           {caller, "DeleteDataset", request, request.request_id(), request.validate_only(), true},
           nothing, [&](Transaction& transaction) -> absl::Status {
             auto row = transaction.Get(ResourceKind::kDataset, *name);
             if (!row.ok()) return row.status();
             deleted.ParseFromString(row->body);
             if (auto unused = CheckUnused(transaction, caller, deleted); !unused.ok())
               return unused;
             if (auto done = transaction.Delete(row->uid); !done.ok()) return done;
             auto count = transaction.CountByDigest(row->digest);
             if (count.ok()) owners = *count;
             return count.status();
           });
  if (!status.ok() || deleted.uid().empty() || request.validate_only()) return status;
  RemoveUpload(deleted.uid());
  if (owners == 0 && !deleted.digest().empty()) {
    std::error_code ignored;
    std::filesystem::remove_all(layout_.Dataset(deleted.digest()), ignored);
  }
  return status;
}

absl::StatusOr<v1::PreviewDatasetResponse> DatasetService::Preview(
    const Caller& caller, const v1::PreviewDatasetRequest& request) {
  std::optional<v1::Dataset> dataset;
  auto status = store_.Read([&](Reader& reader) -> absl::Status {
    auto found = FindDataset(reader, caller, "name", request.name(), DatasetUse::kRead);
    if (!found.ok()) return found.status();
    dataset = *std::move(found);
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  if (request.row_count() < 0 || request.row_count() > kMaxPreviewRows) {
    return FieldError("row_count", "OUT_OF_RANGE",
                      StrCat("row_count is within 0..", kMaxPreviewRows));
  }
  if (request.start_row() < 0 || request.start_row() >= dataset->row_count()) {
    return MakeError(
        absl::StatusCode::kOutOfRange, {"ROW_OUT_OF_RANGE", "start_row", {}},
        StrCat("row ", request.start_row(), " is not within 0..", dataset->row_count() - 1));
  }
  auto rows = Dataset::Open(layout_.Dataset(dataset->digest()));
  if (!rows.ok()) return rows.status();
  v1::PreviewDatasetResponse response;
  if (dataset->has_image_shape()) *response.mutable_image_shape() = dataset->image_shape();
  const std::int64_t end =
      std::min<std::int64_t>(request.start_row() + std::max(1, request.row_count()), rows->rows());
  for (std::int64_t row = request.start_row(); row < end; ++row) {
    *response.add_rows() = RowOf(*rows, row);
  }
  return response;
}

}  // namespace trainyard::server

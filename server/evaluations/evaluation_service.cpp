// The calls that users make; see evaluate.cpp for the work behind them.
#include "server/evaluations/evaluation_service.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "absl/strings/numbers.h"
#include "core/base/error.h"
#include "core/base/text.h"
#include "core/train/trainer.h"
#include "server/convert/dataset.h"
#include "server/convert/network.h"
#include "server/resources/clock.h"
#include "server/resources/quota.h"
#include "server/resources/request.h"
#include "server/resources/visible.h"

namespace trainyard::server {
namespace {

constexpr int kMaxPredictions = 1000;
// Of all rows of one answer: 32 MB of them.
constexpr int kMaxPredictedOutputs = 4'000'000;

absl::StatusOr<store::v1::EvaluationRecord> ReadEvaluation(Reader& reader,
                                                           const std::string& name) {
  auto row = reader.Get(ResourceKind::kEvaluation, name);
  if (!row.ok()) return row.status();
  store::v1::EvaluationRecord record;
  record.ParseFromString(row->body);
  return record;
}

absl::StatusOr<store::v1::JobRecord> ReadJob(Reader& reader, const std::string& name) {
  auto row = reader.Get(ResourceKind::kJob, name);
  if (!row.ok()) return row.status();
  store::v1::JobRecord record;
  record.ParseFromString(row->body);
  return record;
}

// What of an evaluation its reader may see: on a HIDDEN dataset of somebody else's
// the score, and what its policy allows.
v1::Evaluation SeenBy(const Caller& caller, const store::v1::EvaluationRecord& record) {
  v1::Evaluation evaluation = record.evaluation();
  const v1::Dataset& dataset = record.dataset();
  if (dataset.visibility() != v1::HIDDEN || OwnerOf(dataset.name()) == caller.user) {
    return evaluation;
  }
  evaluation.set_limited(true);
  evaluation.clear_cost();
  evaluation.clear_mean_cost();
  evaluation.clear_misclassified_count();
  evaluation.clear_dataset_digest();
  if (evaluation.has_regression()) {
    evaluation.mutable_regression()->clear_mean_absolute_error();
    evaluation.mutable_regression()->clear_root_mean_squared_error();
  }
  if (dataset.hidden_policy().show_confusion_matrix()) return evaluation;
  evaluation.clear_row_count();
  evaluation.clear_confusion_matrix();
  evaluation.clear_scorecard();
  evaluation.clear_class_metrics();
  return evaluation;
}

// Counts an evaluation on a HIDDEN dataset, within what its policy allows in a day.
absl::Status CountHidden(Transaction& transaction, const Caller& caller,
                         const v1::Dataset& dataset) {
  const int allowed = dataset.hidden_policy().evaluations_per_day();
  if (dataset.visibility() != v1::HIDDEN || allowed == 0 ||
      OwnerOf(dataset.name()) == caller.user) {
    return absl::OkStatus();
  }
  constexpr std::int64_t kDay = 24 * 60 * 60;
  const std::int64_t now = Now().seconds();
  const std::string key = StrCat("hidden_evaluations/", dataset.uid(), "/", caller.user);
  const std::string today = StrCat(now / kDay, ":");
  auto stored = transaction.Fact(key);
  if (!stored.ok()) return stored.status();
  int count = 0;
  if (stored->starts_with(today)) (void)absl::SimpleAtoi(stored->substr(today.size()), &count);
  if (count >= allowed) {
    return OverQuota(caller.user, "hidden_evaluations_per_day",
                     StrCat(caller.user, " has evaluated on ", dataset.name(), " ", count,
                            " times today, as often as its owner allows; try again after midnight "
                            "UTC"),
                     static_cast<double>(kDay - now % kDay));
  }
  return transaction.PutFact(key, StrCat(today, count + 1));
}

worker::v1::Model ModelOf(const store::v1::JobRecord& job,
                          const store::v1::KeptCheckpoint& checkpoint) {
  worker::v1::Model model;
  *model.mutable_network() = job.job().network_spec();
  model.set_checkpoint_path(Layout::RelativeCheckpoint(job.job().uid(), checkpoint.file()));
  model.set_classification(job.dataset().task() == v1::CLASSIFICATION);
  return model;
}

absl::Status CheckCount(std::string_view field, int rows, const NetworkSpec& network) {
  const int most = std::min(kMaxPredictions, std::max(1, kMaxPredictedOutputs / network.outputs()));
  if (rows >= 1 && rows <= most) return absl::OkStatus();
  return FieldError(field, "OUT_OF_RANGE",
                    StrCat("between 1 and ", most, " rows of this network are predicted at once"));
}

absl::Status CheckRow(int row, const v1::InputRow& given, const NetworkSpec& network) {
  const std::string field = StrCat("rows.rows[", row, "].features");
  const auto& features = given.features();
  if (features.size() != network.inputs) {
    return FieldError(field, "INPUT_COUNT_MISMATCH",
                      StrCat("row ", row, " has ", features.size(), " features; the network takes ",
                             network.inputs));
  }
  const auto bad = std::ranges::find_if_not(features, [](float x) { return std::isfinite(x); });
  if (bad == features.end()) return absl::OkStatus();
  return FieldError(field, "NOT_FINITE",
                    StrCat("row ", row, " has a feature that is not finite, number ",
                           bad - features.begin(), ": ", *bad));
}

absl::Status CheckRows(const v1::PredictRequest& request, const NetworkSpec& network) {
  auto status = CheckCount("rows.rows", request.rows().rows_size(), network);
  for (int i = 0; status.ok() && i < request.rows().rows_size(); ++i) {
    status = CheckRow(i, request.rows().rows(i), network);
  }
  return status;
}

absl::Status CheckDatasetRows(const v1::PredictRequest& request, const v1::Dataset& dataset,
                              const NetworkSpec& network) {
  const auto& rows = request.dataset_rows().rows();
  if (auto status = CheckCount("dataset_rows.rows", rows.size(), network); !status.ok()) {
    return status;
  }
  if (dataset.feature_count() != network.inputs) {
    return MakeError(absl::StatusCode::kFailedPrecondition,
                     {"INPUT_COUNT_MISMATCH", "dataset_rows.dataset", {}},
                     StrCat(dataset.name(), " has ", dataset.feature_count(),
                            " features; the network takes ", network.inputs));
  }
  for (const std::int64_t row : rows) {
    if (row >= 0 && row < dataset.row_count()) continue;
    return MakeError(absl::StatusCode::kOutOfRange, {"ROW_OUT_OF_RANGE", "dataset_rows.rows", {}},
                     StrCat("row ", row, " is not within 0..", dataset.row_count() - 1));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<store::v1::KeptCheckpoint> FindCheckpoint(const store::v1::JobRecord& job,
                                                         std::optional<int> epoch,
                                                         std::string_view field) {
  if (job.checkpoints().empty()) {
    return MakeError(
        absl::StatusCode::kFailedPrecondition, {"NO_WEIGHTS", "", {}},
        StrCat(job.job().name(), " is ", v1::TrainingJob::State_Name(job.job().state()),
               " and has no kept weights"));
  }
  if (!epoch) return *job.checkpoints().rbegin();
  std::string kept;
  for (const auto& checkpoint : job.checkpoints()) {
    if (checkpoint.epoch() == *epoch) return checkpoint;
    absl::StrAppend(&kept, kept.empty() ? "" : ", ", checkpoint.epoch());
  }
  return MakeError(absl::StatusCode::kNotFound, {"NO_SUCH_CHECKPOINT", std::string(field), {}},
                   StrCat("the weights after epoch ", *epoch, " of ", job.job().name(),
                          " are not kept; kept are those after ", kept));
}

EvaluationService::EvaluationService(const Layout& layout, Store& store, WorkerPool& pool,
                                     SlotQueue& slots, JobService& jobs, ServingWorker& serving)
    : layout_(layout), store_(store), pool_(pool), slots_(slots), jobs_(jobs), serving_(serving) {}

absl::Status EvaluationService::Prepare(Transaction& transaction, const Caller& caller,
                                        const v1::CreateEvaluationRequest& request,
                                        store::v1::EvaluationRecord& record) {
  auto parent = ResolveName(caller, "parent", "jobs", request.parent());
  if (!parent.ok()) return parent.status();
  auto job = ReadJob(transaction, *parent);
  if (!job.ok()) return job.status();
  const std::string id = request.evaluation_id().empty() ? NewId("eval") : request.evaluation_id();
  if (auto status = CheckId("evaluation_id", id); !status.ok()) return status;
  const v1::Evaluation& asked = request.evaluation();
  auto dataset = FindDataset(transaction, caller, "evaluation.dataset", asked.dataset(),
                             DatasetUse::kEvaluate);
  if (!dataset.ok()) return dataset.status();
  auto checkpoint = FindCheckpoint(
      *job, asked.has_epoch() ? std::optional(asked.epoch()) : std::nullopt, "evaluation.epoch");
  if (!checkpoint.ok()) return checkpoint.status();
  auto network = ToCore(job->job().network_spec());
  if (!network.ok()) return network.status();
  if (auto fit = CheckFit(*network, ToInfo(*dataset), false); !fit.ok()) return fit;

  v1::Evaluation& evaluation = *record.mutable_evaluation();
  evaluation.set_name(StrCat(*parent, "/evaluations/", id));
  evaluation.set_uid(NewUid());
  evaluation.set_state(v1::Evaluation::RUNNING);
  evaluation.set_dataset(dataset->name());
  evaluation.set_epoch(checkpoint->epoch());
  evaluation.set_dataset_digest(dataset->digest());
  *evaluation.mutable_create_time() = Now();
  *record.mutable_dataset() = *std::move(dataset);
  record.set_job_name(*parent);
  record.set_job_uid(job->job().uid());
  return absl::OkStatus();
}

absl::StatusOr<v1::Evaluation> EvaluationService::Create(
    const Caller& caller, const v1::CreateEvaluationRequest& request) {
  v1::Evaluation response;
  std::optional<store::v1::EvaluationRecord> created;
  auto status = Once(
      store_, {caller, "CreateEvaluation", request, request.request_id(), request.validate_only()},
      response, [&](Transaction& transaction) -> absl::Status {
        store::v1::EvaluationRecord record;
        if (auto done = Prepare(transaction, caller, request, record); !done.ok()) return done;
        auto counted = CountHidden(transaction, caller, record.dataset());
        if (!counted.ok()) return counted;
        response = SeenBy(caller, record);
        ResourceRow row{0,
                        ResourceKind::kEvaluation,
                        response.name(),
                        response.uid(),
                        record.job_name(),
                        response.state(),
                        "",
                        record.SerializeAsString()};
        created = std::move(record);
        return transaction.Insert(row);
      });
  if (!status.ok()) return status;
  if (created && !request.validate_only()) Evaluate(*created);
  return response;
}

absl::StatusOr<v1::Evaluation> EvaluationService::Get(const Caller& caller,
                                                      const v1::GetEvaluationRequest& request) {
  auto name = ResolveEvaluation(caller, "name", request.name());
  if (!name.ok()) return name.status();
  v1::Evaluation evaluation;
  auto status = store_.Read([&](Reader& reader) -> absl::Status {
    auto record = ReadEvaluation(reader, *name);
    if (record.ok()) evaluation = SeenBy(caller, *record);
    return record.status();
  });
  if (!status.ok()) return status;
  return evaluation;
}

absl::StatusOr<v1::ListEvaluationsResponse> EvaluationService::List(
    const Caller& caller, const v1::ListEvaluationsRequest& request) {
  auto parent = ResolveName(caller, "parent", "jobs", request.parent());
  if (!parent.ok()) return parent.status();
  auto page = ParsePage(request.page_size(), request.page_token());
  if (!page.ok()) return page.status();
  v1::ListEvaluationsResponse response;
  auto status = store_.Read([&](Reader& reader) -> absl::Status {
    if (auto job = reader.Get(ResourceKind::kJob, *parent); !job.ok()) return job.status();
    auto rows = reader.List(ResourceKind::kEvaluation, *parent, page->after_id, page->size + 1);
    if (!rows.ok()) return rows.status();
    const bool more = static_cast<int>(rows->size()) > page->size;
    if (more) rows->pop_back();
    for (const ResourceRow& row : *rows) {
      store::v1::EvaluationRecord record;
      record.ParseFromString(row.body);
      *response.add_evaluations() = SeenBy(caller, record);
    }
    if (more) response.set_next_page_token(PageToken(rows->back().id));
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  return response;
}

absl::StatusOr<store::v1::EvaluationRecord> EvaluationService::Classified(const std::string& name) {
  store::v1::EvaluationRecord record;
  auto status = store_.Read([&](Reader& reader) -> absl::Status {
    auto found = ReadEvaluation(reader, name);
    if (!found.ok()) return found.status();
    record = *std::move(found);
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  const v1::Evaluation& evaluation = record.evaluation();
  if (evaluation.state() != v1::Evaluation::SUCCEEDED) {
    return MakeError(absl::StatusCode::kFailedPrecondition, {"EVALUATION_NOT_SUCCEEDED", "", {}},
                     StrCat(name, " is ", v1::Evaluation::State_Name(evaluation.state())));
  }
  if (!evaluation.has_confusion_matrix()) {
    return MakeError(absl::StatusCode::kFailedPrecondition, {"NOT_A_CLASSIFICATION", "", {}},
                     StrCat(name, " is of a regression: it has no classes"));
  }
  return record;
}

absl::StatusOr<v1::ConfusionMatrix> EvaluationService::GetConfusionMatrix(
    const Caller& caller, const v1::GetConfusionMatrixRequest& request) {
  auto name = ResolveEvaluation(caller, "name", request.name());
  if (!name.ok()) return name.status();
  auto record = Classified(*name);
  if (!record.ok()) return record.status();
  const v1::Evaluation seen = SeenBy(caller, *record);
  if (seen.has_confusion_matrix()) return seen.confusion_matrix();
  return MakeError(absl::StatusCode::kPermissionDenied, {"DATASET_HIDDEN", "", {}},
                   StrCat(record->dataset().name(), " is HIDDEN and shows the accuracy only"));
}

absl::StatusOr<v1::ListMisclassifiedResponse> EvaluationService::ListMisclassified(
    const Caller& caller, const v1::ListMisclassifiedRequest& request) {
  auto name = ResolveEvaluation(caller, "parent", request.parent());
  if (!name.ok()) return name.status();
  auto page = ParsePage(request.page_size(), request.page_token());
  if (!page.ok()) return page.status();
  auto record = Classified(*name);
  if (!record.ok()) return record.status();
  if (record->dataset().visibility() == v1::HIDDEN) {
    return MakeError(absl::StatusCode::kPermissionDenied, {"DATASET_HIDDEN", "", {}},
                     StrCat(record->dataset().name(),
                            " is HIDDEN: which rows were classified wrongly is not told"));
  }
  store::v1::MisclassifiedRows rows;
  auto status = store_.Read([&](Reader& reader) -> absl::Status {
    auto attachment = reader.Attachment(record->evaluation().uid());
    if (attachment.ok()) rows.ParseFromString(*attachment);
    return attachment.status();
  });
  if (!status.ok()) return status;
  v1::ListMisclassifiedResponse response;
  const std::int64_t total = rows.rows_size();
  const std::int64_t end = std::min(page->after_id + page->size, total);
  for (std::int64_t i = page->after_id; i < end; ++i) {
    *response.add_rows() = rows.rows(static_cast<int>(i));
  }
  if (end < total) response.set_next_page_token(PageToken(end));
  return response;
}

absl::StatusOr<v1::PredictResponse> EvaluationService::Predict(const Caller& caller,
                                                               const v1::PredictRequest& request) {
  auto name = ResolveName(caller, "name", "jobs", request.name());
  if (!name.ok()) return name.status();
  worker::v1::PredictTask task;
  auto status = store_.Read([&](Reader& reader) -> absl::Status {
    auto job = ReadJob(reader, *name);
    if (!job.ok()) return job.status();
    auto network = ToCore(job->job().network_spec());
    if (!network.ok()) return network.status();
    auto checkpoint = FindCheckpoint(
        *job, request.has_epoch() ? std::optional(request.epoch()) : std::nullopt, "epoch");
    if (!checkpoint.ok()) return checkpoint.status();
    *task.mutable_model() = ModelOf(*job, *checkpoint);
    if (request.has_rows()) return CheckRows(request, *network);
    if (!request.has_dataset_rows()) {
      return FieldError("input", "REQUIRED", "a prediction needs dataset_rows or rows");
    }
    auto dataset = FindDataset(reader, caller, "dataset_rows.dataset",
                               request.dataset_rows().dataset(), DatasetUse::kRead);
    if (!dataset.ok()) return dataset.status();
    *task.mutable_dataset() = *dataset;
    return CheckDatasetRows(request, *dataset, *network);
  });
  if (!status.ok()) return status;
  if (request.has_rows()) {
    *task.mutable_inputs() = request.rows().rows();
  } else {
    *task.mutable_rows() = request.dataset_rows().rows();
  }
  return serving_.Predict(std::move(task));
}

}  // namespace trainyard::server

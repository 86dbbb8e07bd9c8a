// One evaluation, by way of a worker.
#include <spdlog/spdlog.h>

#include <atomic>
#include <optional>
#include <utility>

#include "core/base/error.h"
#include "core/base/text.h"
#include "server/convert/status.h"
#include "server/evaluations/evaluation_service.h"
#include "server/resources/clock.h"

namespace trainyard::server {
namespace {

worker::v1::EvaluationOutcome ErrorOutcome(const absl::Status& error) {
  worker::v1::EvaluationOutcome outcome;
  *outcome.mutable_error() = ToRpcStatus(error);
  return outcome;
}

}  // namespace

// The worker of one evaluation.
class EvaluationService::EvaluateTask final : public WorkerTask {
 public:
  EvaluateTask(EvaluationService& evaluations, std::string name, std::string uid,
               worker::v1::ServerMessage task)
      : evaluations_(evaluations),
        name_(std::move(name)),
        uid_(std::move(uid)),
        task_(std::move(task)) {}

  absl::Status OnAttach(std::shared_ptr<WorkerLink> link, bool /*again*/) override {
    return link->Send(task_) ? absl::OkStatus() : absl::UnavailableError("the worker is gone");
  }
  absl::Status OnMessage(const worker::v1::WorkerMessage& message) override {
    if (!message.has_evaluation_outcome()) {
      return absl::InvalidArgumentError("not a message of an evaluating worker");
    }
    auto status = evaluations_.Finish(name_, uid_, message.evaluation_outcome());
    if (status.ok()) done_ = true;
    return status;
  }
  bool Done() const override { return done_; }
  void OnEnd(const std::string& how, bool draining) override {
    if (!done_ && !draining) {
      const auto status = evaluations_.Finish(
          name_, uid_,
          ErrorOutcome(MakeError(absl::StatusCode::kInternal, {"WORKER_LOST", "", {}},
                                 StrCat("the process that evaluated ", how, "; try again"))));
      if (!status.ok() && !absl::IsNotFound(status)) {
        spdlog::error("{}: {}", name_, status.ToString());
      }
    }
    evaluations_.slots_.Release();
  }

 private:
  EvaluationService& evaluations_;
  const std::string name_;
  const std::string uid_;
  const worker::v1::ServerMessage task_;
  std::atomic<bool> done_ = false;
};

void EvaluationService::Evaluate(const store::v1::EvaluationRecord& record) {
  const std::string& name = record.evaluation().name();
  slots_.Submit(std::string(OwnerOf(name)),
                [this, name, uid = record.evaluation().uid()] { return Start(name, uid); });
}

bool EvaluationService::Start(const std::string& name, const std::string& uid) {
  worker::v1::ServerMessage message;
  auto status = store_.Read([&](Reader& reader) -> absl::Status {
    auto row = reader.Get(ResourceKind::kEvaluation, name);
    if (!row.ok()) return row.status();
    store::v1::EvaluationRecord record;
    record.ParseFromString(row->body);
    if (row->uid != uid || row->state != v1::Evaluation::RUNNING) {
      return absl::CancelledError("no longer wanted");
    }
    auto job_row = reader.Get(ResourceKind::kJob, record.job_name());
    if (!job_row.ok()) return job_row.status();
    store::v1::JobRecord job;
    job.ParseFromString(job_row->body);
    auto checkpoint = FindCheckpoint(job, record.evaluation().epoch(), "evaluation.epoch");
    if (!checkpoint.ok()) return checkpoint.status();
    worker::v1::EvaluateTask& task = *message.mutable_evaluate();
    *task.mutable_model()->mutable_network() = job.job().network_spec();
    task.mutable_model()->set_checkpoint_path(
        Layout::RelativeCheckpoint(job.job().uid(), checkpoint->file()));
    *task.mutable_dataset() = record.dataset();
    return absl::OkStatus();
  });
  if (absl::IsCancelled(status)) return false;
  if (status.ok()) {
    status = pool_.Start(name, ++workers_started_, layout_.TaskLog("evaluate"),
                         std::make_shared<EvaluateTask>(*this, name, uid, std::move(message)));
    if (status.ok()) return true;
  }
  if (absl::IsUnavailable(status)) return false;  // draining: Recover goes on
  const auto recorded = Finish(name, uid, ErrorOutcome(status));
  if (!recorded.ok() && !absl::IsNotFound(recorded)) {
    spdlog::error("{}: {}", name, recorded.ToString());
  }
  return false;
}

absl::Status EvaluationService::Finish(const std::string& name, const std::string& uid,
                                       const worker::v1::EvaluationOutcome& outcome) {
  std::optional<JobEdit> edit;
  auto status = store_.Commit(
      [&](Transaction& transaction) -> absl::Status {
        auto row = transaction.Get(ResourceKind::kEvaluation, name);
        if (!row.ok()) return row.status();
        if (row->uid != uid) return absl::NotFoundError(StrCat(name, " has been deleted"));
        store::v1::EvaluationRecord record;
        record.ParseFromString(row->body);
        v1::Evaluation& evaluation = *record.mutable_evaluation();
        *evaluation.mutable_end_time() = Now();
        if (outcome.has_error()) {
          evaluation.set_state(v1::Evaluation::FAILED);
          *evaluation.mutable_error() = outcome.error();
        } else {
          evaluation.MergeFrom(outcome.evaluation());
          evaluation.set_state(v1::Evaluation::SUCCEEDED);
          store::v1::MisclassifiedRows rows;
          // Of hidden rows nothing is kept that is not to be told.
          if (record.dataset().visibility() != v1::HIDDEN) {
            *rows.mutable_rows() = outcome.misclassified();
          }
          if (auto put = transaction.PutAttachment(uid, rows.SerializeAsString()); !put.ok()) {
            return put;
          }
          v1::EvaluationCompleted completed;
          completed.set_evaluation(name);
          if (evaluation.has_accuracy()) completed.set_accuracy(evaluation.accuracy());
          auto appended = JobService::AppendEvaluation(transaction, record.job_name(),
                                                       record.job_uid(), completed);
          if (!appended.ok()) return appended.status();
          edit = *std::move(appended);
        }
        row->state = evaluation.state();
        row->body = record.SerializeAsString();
        return transaction.Update(*row);
      },
      Store::WhenFull::kWait);
  if (status.ok() && edit) jobs_.Announce(*edit);
  return status;
}

absl::Status EvaluationService::Recover() {
  std::vector<store::v1::EvaluationRecord> running;
  auto status = store_.Read([&](Reader& reader) -> absl::Status {
    auto rows = reader.ListByState(ResourceKind::kEvaluation, v1::Evaluation::RUNNING);
    if (!rows.ok()) return rows.status();
    for (const ResourceRow& row : *rows) running.emplace_back().ParseFromString(row.body);
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  for (const auto& record : running) Evaluate(record);
  return absl::OkStatus();
}

}  // namespace trainyard::server

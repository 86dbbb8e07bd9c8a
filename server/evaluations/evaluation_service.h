// Evaluations of trained networks, and predictions.
#pragma once

#include <atomic>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/jobs/job_service.h"
#include "server/resources/names.h"
#include "server/serving/serving_worker.h"
#include "server/store/layout.h"
#include "server/store/store.h"
#include "server/workers/slot_queue.h"
#include "server/workers/worker_pool.h"
#include "trainyard/store/v1/records.pb.h"
#include "trainyard/v1/evaluation.pb.h"

namespace trainyard::server {

// The calls of EvaluationService; errors as its proto says. Any thread.
class EvaluationService {
 public:
  EvaluationService(const Layout& layout, Store& store, WorkerPool& pool, SlotQueue& slots,
                    JobService& jobs, ServingWorker& serving);

  // Goes on with the evaluations of an earlier server.
  absl::Status Recover();

  absl::StatusOr<v1::Evaluation> Create(const Caller& caller,
                                        const v1::CreateEvaluationRequest& request);
  absl::StatusOr<v1::Evaluation> Get(const Caller& caller, const v1::GetEvaluationRequest& request);
  absl::StatusOr<v1::ListEvaluationsResponse> List(const Caller& caller,
                                                   const v1::ListEvaluationsRequest& request);
  absl::StatusOr<v1::ConfusionMatrix> GetConfusionMatrix(
      const Caller& caller, const v1::GetConfusionMatrixRequest& request);
  absl::StatusOr<v1::ListMisclassifiedResponse> ListMisclassified(
      const Caller& caller, const v1::ListMisclassifiedRequest& request);
  absl::StatusOr<v1::PredictResponse> Predict(const Caller& caller,
                                              const v1::PredictRequest& request);

 private:
  class EvaluateTask;

  absl::Status Prepare(Transaction& transaction, const Caller& caller,
                       const v1::CreateEvaluationRequest& request,
                       store::v1::EvaluationRecord& record);
  // SUCCEEDED, and for classification; else FAILED_PRECONDITION.
  absl::StatusOr<store::v1::EvaluationRecord> Classified(const std::string& name);
  void Evaluate(const store::v1::EvaluationRecord& record);
  bool Start(const std::string& name, const std::string& uid);
  absl::Status Finish(const std::string& name, const std::string& uid,
                      const worker::v1::EvaluationOutcome& outcome);

  const Layout& layout_;
  Store& store_;
  WorkerPool& pool_;
  SlotQueue& slots_;
  JobService& jobs_;
  // The attempt of an evaluating worker: never twice within a server's life.
  std::atomic<int> workers_started_ = 0;
  ServingWorker& serving_;
};

// The kept weights of a job that `epoch` (or its absence: the last) means.
// Errors: FAILED_PRECONDITION where there are none yet, NOT_FOUND.
absl::StatusOr<store::v1::KeptCheckpoint> FindCheckpoint(const store::v1::JobRecord& job,
                                                         std::optional<int> epoch,
                                                         std::string_view field);

}  // namespace trainyard::server

#include "server/serving/model_statistics.h"

namespace trainyard::server {
namespace {

// Models beyond these are not counted: whoever trains without end uses no memory
// here without end.
constexpr std::size_t kMostModels = 10'000;

void Add(inference::StatisticDuration& to, std::uint64_t count, std::uint64_t nanos) {
  to.set_count(to.count() + count);
  to.set_ns(to.ns() + nanos);
}

inference::InferBatchStatistics& BatchOf(inference::ModelStatistics& model, std::uint64_t rows) {
  for (auto& batch : *model.mutable_batch_stats()) {
    if (batch.batch_size() == rows) return batch;
  }
  auto& batch = *model.add_batch_stats();
  batch.set_batch_size(rows);
  return batch;
}

}  // namespace

inference::ModelStatistics* StatisticsLog::Of(const std::string& name, const std::string& version) {
  const std::pair key{name, version};
  if (models_.size() >= kMostModels && !models_.contains(key)) return nullptr;
  inference::ModelStatistics& model = models_[key];
  model.set_name(name);
  model.set_version(version);
  return &model;
}

void StatisticsLog::Succeeded(const std::string& name, const std::string& version,
                              const FrameHeader& answer, Duration whole) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const std::lock_guard lock(mutex_);
  inference::ModelStatistics* const model = Of(name, version);
  if (model == nullptr) return;
  model->set_last_inference(static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(now).count()));
  model->set_inference_count(model->inference_count() + answer.rows);
  model->set_execution_count(model->execution_count() + answer.batches);
  inference::InferStatistics& sums = *model->mutable_inference_stats();
  Add(*sums.mutable_success(), 1, static_cast<std::uint64_t>(whole.count()));
  Add(*sums.mutable_queue(), 1, answer.wait_nanos);
  Add(*sums.mutable_compute_input(), 1, 0);
  Add(*sums.mutable_compute_infer(), 1, answer.compute_nanos);
  Add(*sums.mutable_compute_output(), 1, 0);
  if (answer.batches == 0) return;
  auto& batch = BatchOf(*model, answer.batch_rows);
  Add(*batch.mutable_compute_input(), answer.batches, 0);
  Add(*batch.mutable_compute_infer(), answer.batches, answer.compute_nanos);
  Add(*batch.mutable_compute_output(), answer.batches, 0);
}

void StatisticsLog::Failed(const std::string& name, const std::string& version, Duration whole) {
  const std::lock_guard lock(mutex_);
  inference::ModelStatistics* const model = Of(name, version);
  if (model == nullptr) return;
  Add(*model->mutable_inference_stats()->mutable_fail(), 1,
      static_cast<std::uint64_t>(whole.count()));
}

}  // namespace trainyard::server

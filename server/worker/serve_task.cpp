// Predicts until the server goes.
#include <list>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/eval/evaluation.h"
#include "server/convert/status.h"
#include "server/worker/frame_server.h"
#include "server/worker/model.h"
#include "server/worker/tasks.h"

namespace trainyard::server {
namespace {

// Models used last, the newest first.
class ModelCache {
 public:
  explicit ModelCache(const WorkerContext& context) : context_(context) {}

  absl::StatusOr<std::shared_ptr<const LoadedModel>> Get(const worker::v1::Model& model) {
    for (auto entry = models_.begin(); entry != models_.end(); ++entry) {
      if (entry->first != model.checkpoint_path()) continue;
      models_.splice(models_.begin(), models_, entry);
      return models_.front().second;
    }
    auto loaded = LoadModel(context_, model);
    if (!loaded.ok()) return loaded.status();
    models_.emplace_front(model.checkpoint_path(),
                          std::make_shared<const LoadedModel>(*std::move(loaded)));
    if (models_.size() > kMost) models_.pop_back();
    return models_.front().second;
  }

 private:
  static constexpr std::size_t kMost = 8;
  const WorkerContext& context_;
  std::list<std::pair<std::string, std::shared_ptr<const LoadedModel>>> models_;
};

// Rows as one matrix, and what the dataset says of each.
struct Rows {
  std::vector<float> raw;
  std::int64_t count = 0;
  v1::PredictResponse response;
};

absl::StatusOr<Rows> DatasetRows(const WorkerContext& context,
                                 const worker::v1::PredictTask& task) {
  auto dataset = OpenDataset(context, task.dataset());
  if (!dataset.ok()) return dataset.status();
  Rows rows;
  rows.count = task.rows_size();
  const auto features = static_cast<std::size_t>(dataset->features());
  rows.raw.resize(static_cast<std::size_t>(rows.count) * features);
  for (int i = 0; i < task.rows_size(); ++i) {
    const std::int64_t row = task.rows(i);
    dataset->CopyRow(row, {rows.raw.data() + static_cast<std::size_t>(i) * features, features});
    v1::Prediction& prediction = *rows.response.add_predictions();
    if (dataset->task() == Task::kClassification) {
      prediction.set_label(dataset->labels()[static_cast<std::size_t>(row)]);
    } else {
      const auto count = static_cast<std::size_t>(dataset->target_count());
      for (const float target :
           dataset->targets().subspan(static_cast<std::size_t>(row) * count, count)) {
        prediction.add_targets(target);
      }
    }
  }
  return rows;
}

Rows GivenRows(const worker::v1::PredictTask& task) {
  Rows rows;
  rows.count = task.inputs_size();
  for (const auto& input : task.inputs()) {
    rows.raw.insert(rows.raw.end(), input.features().begin(), input.features().end());
    rows.response.add_predictions();
  }
  return rows;
}

template <typename T>
void Fill(const LoadedModel& model, bool classes, const std::vector<T>& outputs,
          v1::PredictResponse& response) {
  const auto width = static_cast<std::size_t>(model.network.outputs());
  for (int i = 0; i < response.predictions_size(); ++i) {
    const std::span<const T> row(outputs.data() + static_cast<std::size_t>(i) * width, width);
    v1::Prediction& prediction = *response.mutable_predictions(i);
    for (const T output : row) prediction.add_outputs(static_cast<double>(output));
    if (classes) prediction.set_class_index(PredictedClass<T>(model.network, row));
  }
}

absl::StatusOr<v1::PredictResponse> Predict(const WorkerContext& context, ModelCache& cache,
                                            const worker::v1::PredictTask& task) {
  auto model = cache.Get(task.model());
  if (!model.ok()) return model.status();
  auto rows =
      task.rows().empty() ? absl::StatusOr<Rows>(GivenRows(task)) : DatasetRows(context, task);
  if (!rows.ok()) return rows.status();
  std::visit(
      [&](const auto& state) {
        const auto outputs =
            Forward((*model)->network, state.parameters, (*model)->checkpoint.header.scaling,
                    std::span<const float>(rows->raw), rows->count);
        Fill(**model, task.model().classification(), outputs, rows->response);
      },
      (*model)->checkpoint.state);
  return std::move(rows->response);
}

}  // namespace

void RunServing(const WorkerContext& context, Session& session) {
  ModelCache cache(context);
  const FrameServer frames(context);
  while (const auto message = session.Next()) {
    if (!message->has_predict()) continue;
    auto response = Predict(context, cache, message->predict());
    worker::v1::WorkerMessage answer;
    worker::v1::PredictOutcome& outcome = *answer.mutable_predict_outcome();
    outcome.set_id(message->predict().id());
    if (response.ok()) {
      *outcome.mutable_response() = *std::move(response);
    } else {
      *outcome.mutable_error() = ToRpcStatus(response.status());
    }
    session.Send(std::move(answer));
  }
}

}  // namespace trainyard::server

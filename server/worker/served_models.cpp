#include "server/worker/served_models.h"

#include <cstring>
#include <variant>
#include <vector>

#include "core/eval/evaluation.h"
#include "core/eval/row_forward.h"
#include "server/worker/model.h"

namespace trainyard::server {
namespace {

constexpr std::size_t kMostModels = 16;

template <typename T>
class RowModel final : public ServedModel {
 public:
  RowModel(const NetworkSpec& network, const Parameters<T>& parameters, const Scaling& scaling,
           bool classification)
      : forward_(network, parameters, scaling),
        inputs_(static_cast<std::size_t>(network.inputs)),
        outputs_(static_cast<std::size_t>(network.outputs())),
        classification_(classification),
        row_(inputs_) {}

  int inputs() const override { return static_cast<int>(inputs_); }
  std::size_t answer_bytes() const override {
    return outputs_ * sizeof(float) + (classification_ ? sizeof(std::int64_t) : 0);
  }
  std::int64_t max_rows() const override { return forward_.max_rows(); }
  void Clear() override { forward_.Clear(); }
  void Run() override { forward_.Run(); }

  void Append(RowType type, std::span<const std::uint8_t> raw, std::int64_t count) override {
    const std::size_t bytes = inputs_ * BytesOf(type);
    for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
      const auto row = raw.subspan(i * bytes, bytes);
      switch (type) {
        case RowType::kUint8:
          forward_.Append(row);
          break;
        case RowType::kFloat32:
          // The bytes need not be aligned.
          std::memcpy(row_.data(), row.data(), bytes);
          forward_.Append(std::span<const float>(row_));
          break;
        case RowType::kFloat64:
          Narrow(row);
          forward_.Append(std::span<const float>(row_));
          break;
      }
    }
  }

  void Write(std::int64_t row, std::span<std::uint8_t> answer, std::int64_t to,
             std::int64_t rows) const override {
    const std::span<const T> outputs = forward_.OutputsOf(row);
    std::uint8_t* at = answer.data() + static_cast<std::size_t>(to) * outputs_ * sizeof(float);
    for (const T output : outputs) {
      const auto narrow = static_cast<float>(output);
      std::memcpy(at, &narrow, sizeof(narrow));
      at += sizeof(narrow);
    }
    if (!classification_) return;
    const std::int64_t predicted = PredictedClass<T>(forward_.network(), outputs);
    std::memcpy(answer.data() + static_cast<std::size_t>(rows) * outputs_ * sizeof(float) +
                    static_cast<std::size_t>(to) * sizeof(predicted),
                &predicted, sizeof(predicted));
  }

 private:
  // Datasets hold float32: what is served is what is evaluated.
  void Narrow(std::span<const std::uint8_t> row) {
    for (std::size_t i = 0; i < inputs_; ++i) {
      double wide = 0;
      std::memcpy(&wide, row.data() + i * sizeof(wide), sizeof(wide));
      row_[i] = static_cast<float>(wide);
    }
  }

  RowForward<T> forward_;
  const std::size_t inputs_;
  const std::size_t outputs_;
  const bool classification_;
  std::vector<float> row_;
};

std::unique_ptr<ServedModel> Ready(const LoadedModel& loaded, bool classification) {
  return std::visit(
      [&](const auto& state) -> std::unique_ptr<ServedModel> {
        using T = typename std::decay_t<decltype(state.parameters.values())>::value_type;
        return std::make_unique<RowModel<std::remove_const_t<T>>>(
            loaded.network, state.parameters, loaded.checkpoint.header.scaling, classification);
      },
      loaded.checkpoint.state);
}

}  // namespace

absl::StatusOr<ServedModel*> ServedModels::Get(const std::string& key) {
  for (auto entry = models_.begin(); entry != models_.end(); ++entry) {
    if (entry->first != key) continue;
    models_.splice(models_.begin(), models_, entry);
    return entry->second.get();
  }
  worker::v1::Model model;
  model.ParseFromString(key);
  auto loaded = LoadModel(context_, model);
  if (!loaded.ok()) return loaded.status();
  models_.emplace_front(key, Ready(*loaded, model.classification()));
  if (models_.size() > kMostModels) models_.pop_back();
  return models_.front().second.get();
}

}  // namespace trainyard::server

#include "core/export/tensors.h"

#include <bit>
#include <string_view>

#include "core/base/text.h"

namespace trainyard {
namespace {

static_assert(std::endian::native == std::endian::little);

template <typename T>
std::span<const std::uint8_t> BytesOf(std::span<const T> values) {
  return {reinterpret_cast<const std::uint8_t*>(values.data()), values.size_bytes()};
}

// In the words of the command line.
std::string_view WordOf(ScalingKind kind) {
  switch (kind) {
    case ScalingKind::kNone:
      return "none";
    case ScalingKind::kDivideBy255:
      return "255";
    case ScalingKind::kStandard:
      return "standard";
  }
  return "none";
}

}  // namespace

template <typename T>
ExportTensors::ExportTensors(const ExportSource& source, const Parameters<T>& parameters)
    : offset_(source.scaling.offset), factor_(source.scaling.factor) {
  const auto inputs = static_cast<std::size_t>(source.network.inputs);
  const bool bytes = source.scaling.kind == ScalingKind::kDivideBy255;
  offset_.resize(inputs, 0.0);
  factor_.resize(inputs, bytes ? 1.0 / 255 : 1.0);
  const std::vector<std::int64_t> width = {source.network.inputs};
  list_.push_back({"input_offset", true, width, BytesOf(std::span<const double>(offset_))});
  list_.push_back({"input_factor", true, width, BytesOf(std::span<const double>(factor_))});
  constexpr bool f64 = sizeof(T) == sizeof(double);
  for (int i = 0; i < parameters.layer_count(); ++i) {
    const LayerShape& shape = parameters.shape(i);
    list_.push_back(
        {StrCat("W", i + 1), f64, {shape.inputs, shape.units}, BytesOf(parameters.weights(i))});
    if (shape.biases == 0) continue;
    list_.push_back({StrCat("b", i + 1), f64, {shape.biases}, BytesOf(parameters.biases(i))});
  }
}

template ExportTensors::ExportTensors(const ExportSource&, const Parameters<float>&);
template ExportTensors::ExportTensors(const ExportSource&, const Parameters<double>&);

std::map<std::string, std::string> FactsOf(const ExportSource& source) {
  std::map<std::string, std::string> facts = source.facts;
  std::string& layers = facts["layers"] = StrCat(source.network.inputs);
  std::string& activations = facts["activations"];
  for (const LayerSpec& layer : source.network.layers) {
    layers += StrCat(",", layer.units);
    activations += StrCat(activations.empty() ? "" : ",", NameOf(layer.activation));
  }
  facts["loss"] = source.network.loss == Loss::kCrossEntropy ? "cross-entropy" : "tse";
  facts["input_scaling"] = std::string(WordOf(source.scaling.kind));
  facts["epoch"] = StrCat(source.epoch);
  return facts;
}

}  // namespace trainyard

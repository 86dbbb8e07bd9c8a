#include "core/checkpoint/header_text.h"

#include <charconv>
#include <nlohmann/json.hpp>

namespace trainyard {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kFormat = "trainyard-checkpoint-1";

std::string_view NameOf(ScalingKind kind) {
  switch (kind) {
    case ScalingKind::kNone:
      return "none";
    case ScalingKind::kDivideBy255:
      return "255";
    case ScalingKind::kStandard:
      return "standard";
  }
  return "";
}

std::optional<ScalingKind> ScalingNamed(std::string_view name) {
  for (const ScalingKind kind :
       {ScalingKind::kNone, ScalingKind::kDivideBy255, ScalingKind::kStandard}) {
    if (NameOf(kind) == name) return kind;
  }
  return std::nullopt;
}

// The string at `key`, or nothing.
std::optional<std::string> StringAt(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_string()) return std::nullopt;
  return found->get<std::string>();
}

template <typename Integer>
bool ReadInteger(const Json& object, const char* key, Integer& value) {
  const std::optional<std::string> text = StringAt(object, key);
  if (!text) return false;
  const char* const end = text->data() + text->size();
  const auto [last, error] = std::from_chars(text->data(), end, value);
  return error == std::errc() && last == end && value >= 0;
}

bool ReadString(const Json& object, const char* key, std::string& value) {
  std::optional<std::string> text = StringAt(object, key);
  if (!text) return false;
  value = *std::move(text);
  return true;
}

bool ReadMetadata(const Json& metadata, CheckpointHeader& header) {
  const std::optional<ScalingKind> scaling =
      ScalingNamed(StringAt(metadata, "input_scaling").value_or(""));
  if (!scaling || StringAt(metadata, "format") != kFormat) return false;
  header.scaling.kind = *scaling;
  return ReadInteger(metadata, "epoch", header.epoch) &&
         ReadInteger(metadata, "sample", header.sample) &&
         ReadInteger(metadata, "attempt", header.attempt) &&
         ReadString(metadata, "kernel_variant", header.kernel_variant) &&
         ReadString(metadata, "dataset_digest", header.dataset_digest);
}

TensorEntry Entry(std::string name, bool f64, std::vector<std::int64_t> shape) {
  TensorEntry entry{std::move(name), f64 ? "F64" : "F32", std::move(shape), f64 ? 8 : 4};
  for (const std::int64_t extent : entry.shape) entry.size_bytes *= extent;
  return entry;
}

}  // namespace

std::vector<TensorEntry> TensorsOf(const std::vector<LayerShape>& shapes, bool f64,
                                   ScalingKind scaling) {
  std::vector<TensorEntry> tensors;
  if (scaling == ScalingKind::kStandard) {
    tensors.push_back(Entry("input_offset", true, {shapes.front().inputs}));
    tensors.push_back(Entry("input_factor", true, {shapes.front().inputs}));
  }
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    const std::string number = std::to_string(i + 1);
    tensors.push_back(Entry("W" + number, f64, {shapes[i].inputs, shapes[i].units}));
    if (shapes[i].biases > 0) tensors.push_back(Entry("b" + number, f64, {shapes[i].biases}));
  }
  return tensors;
}

std::string HeaderText(const CheckpointHeader& header, const std::vector<TensorEntry>& tensors) {
  Json json;
  json["__metadata__"] = {{"format", kFormat},
                          {"epoch", std::to_string(header.epoch)},
                          {"sample", std::to_string(header.sample)},
                          {"attempt", std::to_string(header.attempt)},
                          {"kernel_variant", header.kernel_variant},
                          {"dataset_digest", header.dataset_digest},
                          {"input_scaling", NameOf(header.scaling.kind)}};
  std::int64_t offset = 0;
  for (const TensorEntry& tensor : tensors) {
    const std::int64_t end = offset + tensor.size_bytes;
    json[tensor.name] = {
        {"dtype", tensor.dtype}, {"shape", tensor.shape}, {"data_offsets", {offset, end}}};
    offset = end;
  }
  // Bytes that are not UTF-8 would end the process otherwise.
  std::string text = json.dump(-1, ' ', false, Json::error_handler_t::replace);
  text.resize((text.size() + 7) / 8 * 8, ' ');
  return text;
}

std::optional<ParsedHeader> ParseHeader(std::string_view text) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  const auto metadata = json.find("__metadata__");
  const auto weights = json.find("W1");
  if (metadata == json.end() || !metadata->is_object()) return std::nullopt;
  if (weights == json.end() || !weights->is_object()) return std::nullopt;
  ParsedHeader parsed;
  if (!ReadMetadata(*metadata, parsed.header)) return std::nullopt;
  const std::optional<std::string> dtype = StringAt(*weights, "dtype");
  if (dtype != "F32" && dtype != "F64") return std::nullopt;
  parsed.f64 = dtype == "F64";
  return parsed;
}

}  // namespace trainyard

#include "core/checkpoint/header_text.h"

#include <bit>
#include <charconv>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

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

std::string BitsOf(double value) {
  return absl::StrCat(absl::Hex(std::bit_cast<std::uint64_t>(value), absl::kZeroPad16));
}

bool ReadBits(const Json& object, const char* key, double& value) {
  const std::optional<std::string> text = StringAt(object, key);
  std::uint64_t bits = 0;
  if (!text || text->size() != 16) return false;
  const char* const end = text->data() + text->size();
  const auto [last, error] = std::from_chars(text->data(), end, bits, 16);
  value = std::bit_cast<double>(bits);
  return error == std::errc() && last == end;
}

// "mean,square", or "" for none.
bool ReadSlots(const Json& metadata, std::vector<std::string>& slots) {
  constexpr std::size_t kMostSlots = 8;
  const std::optional<std::string> text = StringAt(metadata, "slots");
  if (!text) return false;
  slots = text->empty() ? std::vector<std::string>() : absl::StrSplit(*text, ',');
  return slots.size() <= kMostSlots;
}

bool ReadGenerator(const Json& metadata, std::optional<int>& position) {
  if (!metadata.contains("generator_position")) return true;
  return ReadInteger(metadata, "generator_position", position.emplace()) &&
         *position <= Mt19937::kWords;
}

bool ReadNumbers(const Json& metadata, StateNumbers& numbers) {
  return ReadInteger(metadata, "epoch", numbers.epochs_completed) &&
         ReadInteger(metadata, "sample", numbers.samples) &&
         ReadInteger(metadata, "updates", numbers.updates) &&
         ReadBits(metadata, "epoch_seconds", numbers.seconds) &&
         ReadInteger(metadata, "best_epoch", numbers.best_epoch) &&
         ReadBits(metadata, "best_validation_cost", numbers.best_validation_cost) &&
         ReadGenerator(metadata, numbers.generator_position);
}

bool ReadMetadata(const Json& metadata, CheckpointHeader& header) {
  const std::optional<ScalingKind> scaling =
      ScalingNamed(StringAt(metadata, "input_scaling").value_or(""));
  if (!scaling || StringAt(metadata, "format") != kFormat) return false;
  header.scaling.kind = *scaling;
  return ReadInteger(metadata, "attempt", header.attempt) &&
         ReadString(metadata, "kernel_variant", header.kernel_variant) &&
         ReadString(metadata, "dataset_digest", header.dataset_digest) &&
         ReadString(metadata, "spec_digest", header.spec_digest) &&
         ReadSlots(metadata, header.slots);
}

TensorEntry Entry(std::string name, std::string dtype, std::vector<std::int64_t> shape) {
  TensorEntry entry{std::move(name), std::move(dtype), std::move(shape), 0};
  entry.size_bytes = entry.dtype == "F64" ? 8 : 4;
  for (const std::int64_t extent : entry.shape) entry.size_bytes *= extent;
  return entry;
}

// W1, b1, ... with `suffix`.
void AppendParameters(const std::vector<LayerShape>& shapes, const std::string& dtype,
                      const std::string& suffix, std::vector<TensorEntry>& tensors) {
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    const std::string name = std::to_string(i + 1) + suffix;
    tensors.push_back(Entry("W" + name, dtype, {shapes[i].inputs, shapes[i].units}));
    if (shapes[i].biases > 0) tensors.push_back(Entry("b" + name, dtype, {shapes[i].biases}));
  }
}

Json MetadataOf(const HeaderContent& content) {
  const CheckpointHeader& header = content.header;
  const StateNumbers& numbers = content.numbers;
  Json metadata = {{"format", kFormat},
                   {"epoch", std::to_string(numbers.epochs_completed)},
                   {"sample", std::to_string(numbers.samples)},
                   {"updates", std::to_string(numbers.updates)},
                   {"epoch_seconds", BitsOf(numbers.seconds)},
                   {"best_epoch", std::to_string(numbers.best_epoch)},
                   {"best_validation_cost", BitsOf(numbers.best_validation_cost)},
                   {"attempt", std::to_string(header.attempt)},
                   {"kernel_variant", header.kernel_variant},
                   {"dataset_digest", header.dataset_digest},
                   {"spec_digest", header.spec_digest},
                   {"slots", absl::StrJoin(header.slots, ",")},
                   {"input_scaling", NameOf(header.scaling.kind)}};
  if (numbers.generator_position) {
    metadata["generator_position"] = std::to_string(*numbers.generator_position);
  }
  return metadata;
}

}  // namespace

std::vector<TensorEntry> TensorsOf(const HeaderContent& content,
                                   const std::vector<LayerShape>& shapes) {
  std::vector<TensorEntry> tensors;
  if (content.header.scaling.kind == ScalingKind::kStandard) {
    tensors.push_back(Entry("input_offset", "F64", {shapes.front().inputs}));
    tensors.push_back(Entry("input_factor", "F64", {shapes.front().inputs}));
  }
  if (content.numbers.generator_position) {
    tensors.push_back(Entry("generator", "U32", {Mt19937::kWords}));
  }
  const std::string dtype = content.f64 ? "F64" : "F32";
  AppendParameters(shapes, dtype, "", tensors);
  for (const std::string& slot : content.header.slots) {
    AppendParameters(shapes, dtype, "." + slot, tensors);
  }
  return tensors;
}

std::string HeaderText(const HeaderContent& content, const std::vector<TensorEntry>& tensors) {
  Json json;
  json["__metadata__"] = MetadataOf(content);
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

std::optional<HeaderContent> ParseHeader(std::string_view text) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  const auto metadata = json.find("__metadata__");
  const auto weights = json.find("W1");
  if (metadata == json.end() || !metadata->is_object()) return std::nullopt;
  if (weights == json.end() || !weights->is_object()) return std::nullopt;
  HeaderContent content;
  if (!ReadMetadata(*metadata, content.header)) return std::nullopt;
  if (!ReadNumbers(*metadata, content.numbers)) return std::nullopt;
  const std::optional<std::string> dtype = StringAt(*weights, "dtype");
  if (dtype != "F32" && dtype != "F64") return std::nullopt;
  content.f64 = dtype == "F64";
  return content;
}

}  // namespace trainyard

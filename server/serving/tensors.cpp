#include "server/serving/tensors.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <vector>

#include "core/base/error.h"
#include "core/base/text.h"

namespace trainyard::server {
namespace {

using inference::InferTensorContents;
using inference::ModelInferRequest;
using inference::ModelInferResponse;

constexpr char kInput[] = "input";
constexpr char kOutput[] = "output";
constexpr char kClass[] = "class";
constexpr char kPlatform[] = "trainyard";
constexpr int kMaxRows = 65536;
constexpr std::int64_t kMaxAnswerBytes = std::int64_t{64} << 20;

absl::Status Wrong(std::string_view field, std::string_view reason, const std::string& message) {
  return FieldError(field, reason, message);
}

absl::StatusOr<RowType> TypeOf(const std::string& datatype) {
  if (datatype == "UINT8") return RowType::kUint8;
  if (datatype == "FP32") return RowType::kFloat32;
  if (datatype == "FP64") return RowType::kFloat64;
  return Wrong("inputs[0].datatype", "UNSUPPORTED_DATATYPE",
               StrCat("datatype '", datatype, "' is not one of UINT8, FP32 and FP64",
                      datatype == "BYTES" ? ": send pixels as UINT8" : ""));
}

absl::StatusOr<std::uint64_t> RowCount(const ModelInferRequest::InferInputTensor& input,
                                       const ServedVersion& model) {
  const auto& shape = input.shape();
  const int most = MaxInferenceRows(model);
  if (shape.size() == 2 && shape[1] == model.inputs && shape[0] >= 1 && shape[0] <= most) {
    return static_cast<std::uint64_t>(shape[0]);
  }
  std::string found;
  for (const std::int64_t dim : shape) found += StrCat(found.empty() ? "" : ", ", dim);
  return Wrong("inputs[0].shape", "SHAPE_MISMATCH",
               StrCat("the shape is [", found, "]; the model takes [n, ", model.inputs,
                      "], n from 1 to ", most));
}

// Elements in fields of which type: 0 where there are none.
int CountOthers(const InferTensorContents& contents, RowType type) {
  return contents.bool_contents_size() + contents.int_contents_size() +
         contents.int64_contents_size() + contents.uint64_contents_size() +
         contents.bytes_contents_size() +
         (type == RowType::kUint8 ? 0 : contents.uint_contents_size()) +
         (type == RowType::kFloat32 ? 0 : contents.fp32_contents_size()) +
         (type == RowType::kFloat64 ? 0 : contents.fp64_contents_size());
}

template <typename Stored, typename Values>
InferenceRows Copied(const Values& values) {
  auto copy = std::make_shared<std::vector<Stored>>();
  copy->reserve(static_cast<std::size_t>(values.size()));
  for (const auto value : values) copy->push_back(static_cast<Stored>(value));
  InferenceRows rows;
  rows.bytes = {reinterpret_cast<const std::uint8_t*>(copy->data()), copy->size() * sizeof(Stored)};
  rows.owner = std::move(copy);
  return rows;
}

absl::StatusOr<InferenceRows> TypedRows(const InferTensorContents& contents, RowType type) {
  if (CountOthers(contents, type) > 0) {
    return Wrong("inputs[0].contents", "WRONG_CONTENTS",
                 "contents has elements in a field of another type than datatype says");
  }
  switch (type) {
    case RowType::kUint8:
      if (std::ranges::any_of(contents.uint_contents(), [](auto value) { return value > 255; })) {
        return Wrong("inputs[0].contents.uint_contents", "OUT_OF_RANGE",
                     "an element of UINT8 is above 255");
      }
      return Copied<std::uint8_t>(contents.uint_contents());
    case RowType::kFloat32:
      return Copied<float>(contents.fp32_contents());
    case RowType::kFloat64:
      return Copied<double>(contents.fp64_contents());
  }
  return absl::InternalError("no such type");
}

absl::StatusOr<InferenceRows> Elements(const ModelInferRequest& request, RowType type) {
  const auto& input = request.inputs(0);
  if (request.raw_input_contents().empty()) return TypedRows(input.contents(), type);
  if (input.has_contents()) {
    return Wrong("raw_input_contents", "MIXED_CONTENTS",
                 "elements are in raw_input_contents or in contents, not in both");
  }
  if (request.raw_input_contents_size() != 1) {
    return Wrong("raw_input_contents", "WRONG_COUNT",
                 StrCat("raw_input_contents has ", request.raw_input_contents_size(),
                        " entries for one input"));
  }
  const std::string& raw = request.raw_input_contents(0);
  InferenceRows rows;
  rows.bytes = {reinterpret_cast<const std::uint8_t*>(raw.data()), raw.size()};
  return rows;
}

bool IsOutput(const std::string& name, const ServedVersion& model) {
  return name == kOutput || (model.classification && name == kClass);
}

std::vector<std::string> OutputsAsked(const ModelInferRequest& request,
                                      const ServedVersion& model) {
  std::vector<std::string> names;
  for (const auto& output : request.outputs()) names.push_back(output.name());
  if (!names.empty()) return names;
  names.emplace_back(kOutput);
  if (model.classification) names.emplace_back(kClass);
  return names;
}

}  // namespace

int MaxInferenceRows(const ServedVersion& model) {
  const std::int64_t row_bytes = std::int64_t{4} * model.outputs + 8;
  return static_cast<int>(std::min<std::int64_t>(kMaxRows, kMaxAnswerBytes / row_bytes));
}

absl::StatusOr<InferenceRows> RowsOf(const ModelInferRequest& request, const ServedVersion& model) {
  if (request.inputs_size() != 1 || request.inputs(0).name() != kInput) {
    return Wrong("inputs", "WRONG_INPUTS", "the model takes one input, which is named input");
  }
  const auto type = TypeOf(request.inputs(0).datatype());
  if (!type.ok()) return type.status();
  const auto count = RowCount(request.inputs(0), model);
  if (!count.ok()) return count.status();
  auto rows = Elements(request, *type);
  if (!rows.ok()) return rows;
  rows->type = *type;
  rows->rows = *count;
  const std::uint64_t expected = *count * static_cast<std::uint64_t>(model.inputs) * BytesOf(*type);
  if (rows->bytes.size() == expected) return rows;
  return Wrong(
      request.raw_input_contents().empty() ? "inputs[0].contents" : "raw_input_contents[0]",
      "SIZE_MISMATCH",
      StrCat("the elements have ", rows->bytes.size(), " bytes; the shape needs ", expected));
}

absl::Status CheckOutputs(const ModelInferRequest& request, const ServedVersion& model) {
  std::set<std::string_view> asked;
  for (int i = 0; i < request.outputs_size(); ++i) {
    const std::string& name = request.outputs(i).name();
    if (IsOutput(name, model) && asked.insert(name).second) continue;
    if (IsOutput(name, model)) {
      // An answer has no more than the model's outputs, whatever a request repeats.
      return Wrong(StrCat("outputs[", i, "].name"), "DUPLICATE_OUTPUT",
                   StrCat("the output '", name, "' is asked for twice"));
    }
    return Wrong(StrCat("outputs[", i, "].name"), "NO_SUCH_OUTPUT",
                 StrCat("the model has no output '", name, "'; it has output",
                        model.classification ? " and class" : ""));
  }
  return absl::OkStatus();
}

void FillResponse(const ModelInferRequest& request, const ServedVersion& model, const Frame& answer,
                  ModelInferResponse& response) {
  response.set_model_name(model.name);
  response.set_model_version(model.version);
  response.set_id(request.id());
  const auto rows = answer.header.rows;
  const std::uint64_t output_bytes = rows * static_cast<std::uint64_t>(model.outputs) * 4;
  const char* const bytes = reinterpret_cast<const char*>(answer.body.get());
  for (const std::string& name : OutputsAsked(request, model)) {
    const bool is_class = name == kClass;
    auto& output = *response.add_outputs();
    output.set_name(name);
    output.set_datatype(is_class ? "INT64" : "FP32");
    output.add_shape(static_cast<std::int64_t>(rows));
    output.add_shape(is_class ? 1 : model.outputs);
    if (is_class) {
      response.add_raw_output_contents(bytes + output_bytes, rows * 8);
    } else {
      response.add_raw_output_contents(bytes, output_bytes);
    }
  }
}

void Describe(const ServedVersion& model, inference::ModelMetadataResponse& metadata) {
  metadata.set_name(model.name);
  *metadata.mutable_versions() = {model.versions.begin(), model.versions.end()};
  metadata.set_platform(kPlatform);
  const auto tensor = [](auto& described, const char* name, const char* type, std::int64_t width) {
    described.set_name(name);
    described.set_datatype(type);
    described.add_shape(-1);
    described.add_shape(width);
  };
  tensor(*metadata.add_inputs(), kInput, "FP32", model.inputs);
  tensor(*metadata.add_outputs(), kOutput, "FP32", model.outputs);
  if (model.classification) tensor(*metadata.add_outputs(), kClass, "INT64", 1);
}

void Describe(const ServedVersion& model, inference::ModelConfig& config) {
  config.set_name(model.name);
  config.set_platform(kPlatform);
  config.set_backend(kPlatform);
  config.set_max_batch_size(MaxInferenceRows(model));
  const auto tensor = [](auto& described, const char* name, inference::DataType type,
                         std::int64_t width) {
    described.set_name(name);
    described.set_data_type(type);
    described.add_dims(width);
  };
  tensor(*config.add_input(), kInput, inference::TYPE_FP32, model.inputs);
  tensor(*config.add_output(), kOutput, inference::TYPE_FP32, model.outputs);
  if (model.classification) tensor(*config.add_output(), kClass, inference::TYPE_INT64, 1);
}

}  // namespace trainyard::server

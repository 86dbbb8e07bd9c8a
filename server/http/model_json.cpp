#include "server/http/model_json.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

#include "core/base/error.h"
#include "core/base/text.h"
#include "server/http/json.h"

namespace trainyard::server {
namespace {

using Json = nlohmann::json;
using inference::ModelInferRequest;
using inference::ModelInferResponse;

static_assert(std::endian::native == std::endian::little);

absl::Status Malformed(std::string_view field, const std::string& what) {
  return FieldError(field, "MALFORMED_TENSOR", StrCat(field, ": ", what));
}

template <class T>
void AppendBytes(T value, std::string& raw) {
  raw.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

// False where the number is none of the type.
bool AppendNumber(const Json& value, const std::string& datatype, std::string& raw) {
  if (!value.is_number()) return false;
  if (datatype == "FP32") {
    AppendBytes(value.get<float>(), raw);
  } else if (datatype == "FP64") {
    AppendBytes(value.get<double>(), raw);
  } else {
    if (!value.is_number_integer() || value.get<std::int64_t>() < 0 ||
        value.get<std::int64_t>() > 255) {
      return false;
    }
    AppendBytes(value.get<std::uint8_t>(), raw);
  }
  return true;
}

// Recurses no deeper than ParseJson lets JSON nest.
bool AppendElements(const Json& data, const std::string& datatype, std::string& raw) {
  for (const Json& each : data) {
    if (!(each.is_array() ? AppendElements(each, datatype, raw)
                          : AppendNumber(each, datatype, raw))) {
      return false;
    }
  }
  return true;
}

const Json* Member(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found == object.end() ? nullptr : &*found;
}

const Json* Parameter(const Json& object, const char* name) {
  const Json* parameters = Member(object, "parameters");
  return parameters != nullptr && parameters->is_object() ? Member(*parameters, name) : nullptr;
}

std::string TextOr(const Json& object, const char* name, std::string otherwise) {
  const Json* text = Member(object, name);
  return text != nullptr && text->is_string() ? text->get<std::string>() : otherwise;
}

bool IsTrue(const Json* value) { return value != nullptr && *value == true; }

// Takes tensors out of a request, and bytes that follow it.
class RequestReader {
 public:
  explicit RequestReader(std::string_view bytes) : bytes_(bytes) {}

  absl::StatusOr<InferBody> Read(const Json& body) {
    request_.set_id(TextOr(body, "id", ""));
    const Json* inputs = Member(body, "inputs");
    if (inputs == nullptr || !inputs->is_array()) return Malformed("inputs", "an array is needed");
    for (const Json& input : *inputs) {
      if (auto status = ReadInput(input); !status.ok()) return status;
    }
    if (!bytes_.empty()) {
      return Malformed("inputs", StrCat(bytes_.size(), " bytes follow that no input has"));
    }
    binary_.all = IsTrue(Parameter(body, "binary_data_output"));
    const Json* outputs = Member(body, "outputs");
    if (outputs != nullptr) {
      if (auto status = ReadOutputs(*outputs); !status.ok()) return status;
    }
    return InferBody{std::move(request_), std::move(binary_)};
  }

 private:
  absl::Status ReadInput(const Json& input) {
    if (!input.is_object()) return Malformed("inputs", "not an array of objects");
    auto& tensor = *request_.add_inputs();
    tensor.set_name(TextOr(input, "name", ""));
    tensor.set_datatype(TextOr(input, "datatype", ""));
    const Json* shape = Member(input, "shape");
    if (shape == nullptr || !shape->is_array()) {
      return Malformed("inputs.shape", "an array is needed");
    }
    for (const Json& size : *shape) {
      if (!size.is_number_integer()) return Malformed("inputs.shape", "not an array of integers");
      tensor.add_shape(size.get<std::int64_t>());
    }
    return ReadElements(input, tensor.datatype());
  }

  absl::Status ReadElements(const Json& input, const std::string& datatype) {
    std::string& raw = *request_.add_raw_input_contents();
    if (const Json* size = Parameter(input, "binary_data_size"); size != nullptr) {
      if (!size->is_number_unsigned() || size->get<std::size_t>() > bytes_.size()) {
        return Malformed("inputs.parameters.binary_data_size", "not so many bytes follow");
      }
      raw = std::string(bytes_.substr(0, size->get<std::size_t>()));
      bytes_.remove_prefix(raw.size());
      return absl::OkStatus();
    }
    const Json* data = Member(input, "data");
    if (data == nullptr || !data->is_array()) {
      return Malformed("inputs.data", "an array is needed");
    }
    // Another type is refused by who knows which there are.
    if (datatype != "UINT8" && datatype != "FP32" && datatype != "FP64") return absl::OkStatus();
    if (AppendElements(*data, datatype, raw)) return absl::OkStatus();
    return Malformed("inputs.data", StrCat("an element is no ", datatype));
  }

  absl::Status ReadOutputs(const Json& outputs) {
    if (!outputs.is_array()) return Malformed("outputs", "not an array");
    for (const Json& output : outputs) {
      if (!output.is_object()) return Malformed("outputs", "not an array of objects");
      const auto& name = *request_.add_outputs()->mutable_name() = TextOr(output, "name", "");
      const Json* binary = Parameter(output, "binary_data");
      if (binary != nullptr) binary_.named.emplace_back(name, IsTrue(binary));
    }
    return absl::OkStatus();
  }

  std::string_view bytes_;
  ModelInferRequest request_;
  BinaryOutputs binary_;
};

template <class T>
Json Elements(const std::string& raw) {
  Json data = Json::array();
  for (std::size_t at = 0; at + sizeof(T) <= raw.size(); at += sizeof(T)) {
    T value{};
    std::memcpy(&value, raw.data() + at, sizeof(T));
    data.push_back(value);
  }
  return data;
}

Json DataOf(const std::string& datatype, const std::string& raw) {
  return datatype == "INT64" ? Elements<std::int64_t>(raw) : Elements<float>(raw);
}

}  // namespace

bool BinaryOutputs::Wants(const std::string& output) const {
  for (const auto& [name, binary] : named) {
    if (name == output) return binary;
  }
  return all;
}

absl::StatusOr<InferBody> InferBodyOf(std::string_view body,
                                      std::optional<std::size_t> json_bytes) {
  const std::size_t size = json_bytes.value_or(body.size());
  if (size > body.size()) {
    return Malformed("Inference-Header-Content-Length", "the body is shorter");
  }
  const Json json = ParseJson(body.substr(0, size));
  if (!json.is_object()) {
    return FieldError("", "MALFORMED_JSON",
                      StrCat("the body is no JSON object, or nests deeper than ", kMaxJsonDepth));
  }
  return RequestReader(body.substr(size)).Read(json);
}

InferAnswer InferAnswerOf(const ModelInferResponse& response, const BinaryOutputs& binary) {
  Json json = {{"model_name", response.model_name()}, {"model_version", response.model_version()}};
  if (!response.id().empty()) json["id"] = response.id();
  std::string bytes;
  json["outputs"] = Json::array();
  for (int i = 0; i < response.outputs_size(); ++i) {
    const auto& tensor = response.outputs(i);
    const std::string& raw = response.raw_output_contents(i);
    Json output = {{"name", tensor.name()}, {"datatype", tensor.datatype()}};
    output["shape"] = std::vector<std::int64_t>(tensor.shape().begin(), tensor.shape().end());
    if (binary.Wants(tensor.name())) {
      output["parameters"] = {{"binary_data_size", raw.size()}};
      bytes += raw;
    } else {
      output["data"] = DataOf(tensor.datatype(), raw);
    }
    json["outputs"].push_back(std::move(output));
  }
  InferAnswer answer{json.dump(-1, ' ', false, Json::error_handler_t::replace), std::nullopt};
  if (!bytes.empty()) answer.json_bytes = answer.body.size();
  answer.body += bytes;
  return answer;
}

}  // namespace trainyard::server

#include "server/http/model_call.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <array>
#include <nlohmann/json.hpp>

#include "core/base/text.h"
#include "inference/inference.pb.h"
#include "server/convert/status.h"
#include "server/http/uri.h"

namespace trainyard::server {
namespace {

namespace bhttp = boost::beast::http;
using Json = nlohmann::json;
using Kind = ModelCall::Kind;

// A kind of call, and what it is of gRPC's service.
struct Method {
  Kind kind;
  const char* name;
};
constexpr std::array kMethods = {
    Method{Kind::kServerLive, "ServerLive"},           Method{Kind::kServerReady, "ServerReady"},
    Method{Kind::kServerMetadata, "ServerMetadata"},   Method{Kind::kModelReady, "ModelReady"},
    Method{Kind::kModelMetadata, "ModelMetadata"},     Method{Kind::kModelConfig, "ModelConfig"},
    Method{Kind::kModelStatistics, "ModelStatistics"}, Method{Kind::kInfer, "ModelInfer"},
    Method{Kind::kRepositoryIndex, "RepositoryIndex"},
};

ModelCall Of(Kind kind) {
  ModelCall call;
  call.kind = kind;
  return call;
}

// What follows a model's name and version.
std::optional<Kind> KindOf(const std::vector<std::string_view>& rest) {
  if (rest.empty()) return Kind::kModelMetadata;
  if (rest.size() > 1) return std::nullopt;
  if (rest[0] == "ready") return Kind::kModelReady;
  if (rest[0] == "config") return Kind::kModelConfig;
  if (rest[0] == "stats") return Kind::kModelStatistics;
  if (rest[0] == "infer") return Kind::kInfer;
  return std::nullopt;
}

// models/NAME[/versions/VERSION][/WORD]
std::optional<ModelCall> OfModel(std::vector<std::string_view> segments) {
  const auto name = PercentDecoded(segments[1], false);
  if (!name || name->empty()) return std::nullopt;
  ModelCall call;
  call.model = *name;
  segments.erase(segments.begin(), segments.begin() + 2);
  if (segments.size() >= 2 && segments[0] == "versions") {
    const auto version = PercentDecoded(segments[1], false);
    if (!version) return std::nullopt;
    call.version = *version;
    segments.erase(segments.begin(), segments.begin() + 2);
  }
  const auto kind = KindOf(segments);
  if (!kind) return std::nullopt;
  call.kind = *kind;
  return call;
}

// A value of any message as JSON for people who do not know proto3's: names as they
// are, and 64-bit integers as numbers.
Json Plain(const google::protobuf::Message& message);

Json PlainField(const google::protobuf::Message& message,
                const google::protobuf::FieldDescriptor& field, int index) {
  using Field = google::protobuf::FieldDescriptor;
  const auto& from = *message.GetReflection();
  const bool many = field.is_repeated();
  switch (field.cpp_type()) {
    case Field::CPPTYPE_BOOL:
      return many ? from.GetRepeatedBool(message, &field, index) : from.GetBool(message, &field);
    case Field::CPPTYPE_INT32:
      return many ? from.GetRepeatedInt32(message, &field, index) : from.GetInt32(message, &field);
    case Field::CPPTYPE_INT64:
      return many ? from.GetRepeatedInt64(message, &field, index) : from.GetInt64(message, &field);
    case Field::CPPTYPE_UINT64:
      return many ? from.GetRepeatedUInt64(message, &field, index)
                  : from.GetUInt64(message, &field);
    case Field::CPPTYPE_ENUM:
      return (many ? from.GetRepeatedEnum(message, &field, index) : from.GetEnum(message, &field))
          ->name();
    case Field::CPPTYPE_STRING:
      return many ? from.GetRepeatedString(message, &field, index)
                  : from.GetString(message, &field);
    case Field::CPPTYPE_MESSAGE:
      return Plain(many ? from.GetRepeatedMessage(message, &field, index)
                        : from.GetMessage(message, &field));
    default:  // none of these messages has another
      return nullptr;
  }
}

Json Plain(const google::protobuf::Message& message) {
  Json object = Json::object();
  for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
    const auto& field = *message.GetDescriptor()->field(i);
    if (!field.is_repeated()) {
      object[field.name()] = PlainField(message, field, 0);
      continue;
    }
    Json& list = object[field.name()] = Json::array();
    const int size = message.GetReflection()->FieldSize(message, &field);
    for (int at = 0; at < size; ++at) list.push_back(PlainField(message, field, at));
  }
  return object;
}

template <class Request>
ModelRequest Named(const ModelCall& call) {
  Request request;
  request.set_name(call.model);
  request.set_version(call.version);
  return {request.SerializeAsString(), {}};
}

HttpResponse OfJson(const Json& json) {
  HttpResponse response;
  response.body = json.dump(-1, ' ', false, Json::error_handler_t::replace);
  return response;
}

template <class Response>
Response Parsed(const std::string& answer) {
  Response response;
  // It was serialised in this process.
  response.ParseFromString(answer);
  return response;
}

// Health has no body: the code says it.
HttpResponse Healthy(bool healthy) {
  HttpResponse response;
  response.content_type = "";
  response.status = healthy ? bhttp::status::ok : bhttp::status::service_unavailable;
  return response;
}

HttpResponse Inferred(const BinaryOutputs& binary, const std::string& answer) {
  auto made = InferAnswerOf(Parsed<inference::ModelInferResponse>(answer), binary);
  HttpResponse response;
  response.body = std::move(made.body);
  if (made.json_bytes) {
    response.content_type = "application/octet-stream";
    response.headers.emplace_back("Inference-Header-Content-Length", StrCat(*made.json_bytes));
  }
  return response;
}

}  // namespace

bhttp::verb ModelCall::verb() const {
  return kind == Kind::kInfer || kind == Kind::kRepositoryIndex ? bhttp::verb::post
                                                                : bhttp::verb::get;
}

std::string ModelCall::rpc_path() const {
  for (const Method& method : kMethods) {
    if (method.kind == kind) return StrCat("/inference.GRPCInferenceService/", method.name);
  }
  return "";
}

std::optional<ModelCall> ModelCallAt(std::string_view path) {
  if (path != "/v2" && !path.starts_with("/v2/")) return std::nullopt;
  std::vector<std::string_view> segments;
  for (const std::string_view each : Split(path.substr(3), '/')) {
    if (!each.empty()) segments.push_back(each);
  }
  if (segments.empty()) return Of(Kind::kServerMetadata);
  if (path == "/v2/health/live") return Of(Kind::kServerLive);
  if (path == "/v2/health/ready") return Of(Kind::kServerReady);
  if (path == "/v2/models/stats") return Of(Kind::kModelStatistics);
  if (path == "/v2/repository/index") return Of(Kind::kRepositoryIndex);
  if (segments[0] == "models" && segments.size() >= 2) return OfModel(std::move(segments));
  return std::nullopt;
}

absl::StatusOr<ModelRequest> ModelRequestOf(const ModelCall& call, std::string_view body) {
  switch (call.kind) {
    case Kind::kServerLive:
    case Kind::kServerReady:
    case Kind::kServerMetadata:
    case Kind::kRepositoryIndex:
      return ModelRequest{};
    case Kind::kModelReady:
      return Named<inference::ModelReadyRequest>(call);
    case Kind::kModelMetadata:
      return Named<inference::ModelMetadataRequest>(call);
    case Kind::kModelConfig:
      return Named<inference::ModelConfigRequest>(call);
    case Kind::kModelStatistics:
      return Named<inference::ModelStatisticsRequest>(call);
    case Kind::kInfer:
      break;
  }
  auto made = InferBodyOf(body, call.json_bytes);
  if (!made.ok()) return made.status();
  made->request.set_model_name(call.model);
  made->request.set_model_version(call.version);
  return ModelRequest{made->request.SerializeAsString(), std::move(made->binary)};
}

HttpResponse ModelResponse(const ModelCall& call, const BinaryOutputs& binary,
                           const grpc::Status& status, const std::string& answer) {
  if (!status.ok()) return ModelError(status);
  switch (call.kind) {
    case Kind::kServerLive:
      return Healthy(Parsed<inference::ServerLiveResponse>(answer).live());
    case Kind::kServerReady:
      return Healthy(Parsed<inference::ServerReadyResponse>(answer).ready());
    case Kind::kModelReady:
      return Healthy(Parsed<inference::ModelReadyResponse>(answer).ready());
    case Kind::kServerMetadata:
      return OfJson(Plain(Parsed<inference::ServerMetadataResponse>(answer)));
    case Kind::kModelMetadata:
      return OfJson(Plain(Parsed<inference::ModelMetadataResponse>(answer)));
    case Kind::kModelConfig:
      return OfJson(Plain(Parsed<inference::ModelConfigResponse>(answer).config()));
    case Kind::kModelStatistics:
      return OfJson(Plain(Parsed<inference::ModelStatisticsResponse>(answer)));
    case Kind::kRepositoryIndex:
      return OfJson(Plain(Parsed<inference::RepositoryIndexResponse>(answer))["models"]);
    case Kind::kInfer:
      break;
  }
  return Inferred(binary, answer);
}

HttpResponse ModelError(const grpc::Status& status) {
  HttpResponse response = OfJson({{"error", status.error_message()}});
  response.status = HttpStatusOf(status.error_code());
  return response;
}

}  // namespace trainyard::server

#include "server/http/openapi.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>

#include <nlohmann/json.hpp>
#include <set>
#include <string_view>

#include "absl/strings/ascii.h"
#include "core/base/text.h"
#include "server/http/api_descriptors.h"
#include "server/http/openapi_schema.h"

namespace trainyard::server {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::DescriptorPool;
using google::protobuf::FieldDescriptor;
using google::protobuf::MethodDescriptor;
using nlohmann::json;

json Text(const char* type, const json& schema) { return {{type, {{"schema", schema}}}}; }

json Parameter(std::string_view name, const char* where, const json& schema,
               const std::string& about) {
  json parameter{{"name", name}, {"in", where}, {"schema", schema}};
  if (!about.empty()) parameter["description"] = about;
  if (std::string_view(where) == "path") parameter["required"] = true;
  return parameter;
}

// {user} and {job} of /v1/users/{user}/jobs/{job}.
json PathParameters(const std::string& path) {
  json parameters = json::array();
  for (auto begin = path.find('{'); begin != std::string::npos; begin = path.find('{', begin + 1)) {
    const std::string name = path.substr(begin + 1, path.find('}', begin) - begin - 1);
    const char* about = name == "user" ? "me is the caller." : "";
    parameters.push_back(Parameter(name, "path", {{"type", "string"}}, about));
  }
  return parameters;
}

// Whether a query can say a field, beside what path and body say.
bool IsParameter(const Route& route, const FieldDescriptor& field) {
  if (field.name() == route.name_field || field.name() == route.body_field) return false;
  if (route.body_field == "*" || field.is_map()) return false;
  if (route.kind == RouteKind::kUpload &&
      (field.name() == "chunk" || field.name() == "finish_part")) {
    return false;
  }
  const Descriptor* message = field.message_type();
  return message == nullptr || message->full_name() == "google.protobuf.FieldMask" ||
         message->full_name() == "google.protobuf.Timestamp";
}

json Parameters(const Route& route, const Descriptor& request, Schemas& schemas) {
  json parameters = PathParameters(route.template_path());
  for (int i = 0; i < request.field_count(); ++i) {
    const FieldDescriptor& field = *request.field(i);
    if (!IsParameter(route, field)) continue;
    parameters.push_back(
        Parameter(field.name(), "query", schemas.OfField(field), CommentOf(&field)));
  }
  if (route.kind == RouteKind::kUpload) {
    parameters.push_back(Parameter("finish", "query", {{"type", "boolean"}},
                                   "Whether the body is the last of this part."));
  }
  if (route.kind == RouteKind::kEvents) {
    parameters.push_back(Parameter("Last-Event-ID", "header", {{"type", "string"}},
                                   "The id of the last event seen; wins over the query."));
  }
  return parameters;
}

json Body(const Route& route, const Descriptor& request, Schemas& schemas) {
  const json bytes{{"type", "string"}, {"format", "binary"}};
  if (route.kind == RouteKind::kUpload) return Text("application/octet-stream", bytes);
  const FieldDescriptor* field = request.FindFieldByName(route.body_field);
  return Text("application/json", schemas.Ref(field == nullptr ? request : *field->message_type()));
}

json Answer(const Route& route, const Descriptor& response, Schemas& schemas) {
  const json bytes{{"type", "string"}, {"format", "binary"}};
  switch (route.kind) {
    case RouteKind::kEvents:
      return {{"description", "Server-Sent Events; the data of each is one of these."},
              {"content", Text("text/event-stream", schemas.Ref(response))}};
    case RouteKind::kBytes:
      return {{"description", "The bytes."}, {"content", Text("application/octet-stream", bytes)}};
    default:
      return {{"description", "Done."},
              {"content", Text("application/json", schemas.Ref(response))}};
  }
}

json Operation(const Route& route, const MethodDescriptor& method, Schemas& schemas) {
  json operation{{"operationId", StrCat(method.service()->name(), "_", method.name())},
                 {"tags", {method.service()->name()}},
                 {"parameters", Parameters(route, *method.input_type(), schemas)},
                 {"responses",
                  {{"200", Answer(route, *method.output_type(), schemas)},
                   {"default", {{"$ref", "#/components/responses/Error"}}}}}};
  const std::string comment = CommentOf(&method);
  if (!comment.empty()) operation["description"] = comment;
  if (!route.body_field.empty() || route.kind == RouteKind::kUpload) {
    operation["requestBody"] = {{"content", Body(route, *method.input_type(), schemas)}};
  }
  return operation;
}

json ErrorSchema() {
  const json detail{{"type", "object"},
                    {"properties", {{"@type", {{"type", "string"}}}}},
                    {"additionalProperties", true}};
  const json error{{"type", "object"},
                   {"properties",
                    {{"code", {{"type", "integer"}}},
                     {"message", {{"type", "string"}}},
                     {"status", {{"type", "string"}, {"example", "NOT_FOUND"}}},
                     {"details", {{"type", "array"}, {"items", detail}}}}}};
  return {{"type", "object"}, {"properties", {{"error", error}}}};
}

json SessionPath() {
  const json token{{"type", "object"},
                   {"properties", {{"token", {{"type", "string"}}}}},
                   {"required", {"token"}}};
  const json error{{"$ref", "#/components/responses/Error"}};
  return {{"post",
           {{"operationId", "BeginSession"},
            {"description", "Puts a token into a cookie that no script can read."},
            {"requestBody", {{"content", Text("application/json", token)}}},
            {"responses", {{"200", {{"description", "Done."}}}, {"default", error}}}}},
          {"delete",
           {{"operationId", "EndSession"},
            {"description", "Takes the cookie away."},
            {"responses", {{"200", {{"description", "Done."}}}}}}}};
}

// The pool of generated code has no comments; this one has.
void AddCommented(DescriptorPool& pool) {
  google::protobuf::FileDescriptorSet files;
  const std::string_view bytes = ApiDescriptors();
  files.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
  for (const auto& file : files.file()) pool.BuildFile(file);
}

}  // namespace

std::string OpenApi(const RouteTable& routes) {
  DescriptorPool pool;
  AddCommented(pool);
  Schemas schemas;
  json paths{{"/v1/session", SessionPath()}};
  json tags = json::array();
  std::set<std::string> seen;
  for (const Route& route : routes.routes()) {
    const MethodDescriptor* method = pool.FindMethodByName(route.method->full_name());
    if (method == nullptr) continue;
    if (seen.insert(method->service()->name()).second) {
      tags.push_back(
          {{"name", method->service()->name()}, {"description", CommentOf(method->service())}});
    }
    const auto verb = boost::beast::http::to_string(route.verb);
    paths[route.template_path()][absl::AsciiStrToLower({verb.data(), verb.size()})] =
        Operation(route, *method, schemas);
  }
  json components{{"schemas", schemas.all()},
                  {"responses",
                   {{"Error",
                     {{"description", "What is wrong."},
                      {"content", Text("application/json", ErrorSchema())}}}}},
                  {"securitySchemes", {{"token", {{"type", "http"}, {"scheme", "bearer"}}}}}};
  const json document{{"openapi", "3.0.3"},
                      {"info", {{"title", "Trainyard"}, {"version", "v1"}}},
                      {"servers", {{{"url", "/"}}}},
                      {"tags", tags},
                      {"paths", paths},
                      {"components", components},
                      // A server without logins takes calls without a token.
                      {"security", {{{"token", json::array()}}, json::object()}}};
  return document.dump();
}

}  // namespace trainyard::server

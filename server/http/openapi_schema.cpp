#include "server/http/openapi_schema.h"

#include <map>

#include "absl/strings/strip.h"
#include "core/base/text.h"

namespace trainyard::server {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;
using nlohmann::json;

// Messages that have a JSON form of their own.
const std::map<std::string, json, std::less<>>& WellKnown() {
  static const std::map<std::string, json, std::less<>> types{
      {"google.protobuf.Timestamp", {{"type", "string"}, {"format", "date-time"}}},
      {"google.protobuf.Duration", {{"type", "string"}, {"example", "1.5s"}}},
      {"google.protobuf.FieldMask", {{"type", "string"}, {"example", "epochs,learningRate"}}},
      {"google.protobuf.Any",
       {{"type", "object"},
        {"properties", {{"@type", {{"type", "string"}}}}},
        {"additionalProperties", true}}},
  };
  return types;
}

json OfEnum(const EnumDescriptor& type) {
  json names = json::array();
  for (int i = 0; i < type.value_count(); ++i) names.push_back(type.value(i)->name());
  return {{"type", "string"}, {"enum", names}};
}

}  // namespace

template <typename Described>
std::string CommentOf(const Described* described) {
  google::protobuf::SourceLocation location;
  if (!described->GetSourceLocation(&location)) return "";
  std::string text;
  for (std::string_view line : Split(location.leading_comments, '\n')) {
    if (line.starts_with(" ")) line.remove_prefix(1);
    const bool begins = text.empty() || text.back() == '\n';
    if (line.empty()) {
      if (!begins) text += '\n';
    } else {
      text += StrCat(begins ? "" : " ", line);
    }
  }
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

template std::string CommentOf(const Descriptor*);
template std::string CommentOf(const FieldDescriptor*);
template std::string CommentOf(const google::protobuf::MethodDescriptor*);
template std::string CommentOf(const google::protobuf::ServiceDescriptor*);

json Schemas::Ref(const Descriptor& message) {
  const auto known = WellKnown().find(message.full_name());
  if (known != WellKnown().end()) return known->second;
  // A nested type is called by what it is in, too.
  std::string name = message.full_name();
  name = std::string(absl::StripPrefix(name, StrCat(message.file()->package(), ".")));
  if (!all_.contains(name)) {
    all_[name] = json::object();  // it may refer to itself
    all_[name] = OfMessage(message);
  }
  return {{"$ref", StrCat("#/components/schemas/", name)}};
}

json Schemas::OfMessage(const Descriptor& message) {
  json schema{{"type", "object"}};
  const std::string comment = CommentOf(&message);
  if (!comment.empty()) schema["description"] = comment;
  for (int i = 0; i < message.field_count(); ++i) {
    const FieldDescriptor& field = *message.field(i);
    json property = OfField(field);
    const std::string about = CommentOf(&field);
    // OpenAPI 3.0 takes nothing beside a reference.
    if (!about.empty() && property.contains("$ref")) property = {{"allOf", {property}}};
    if (!about.empty()) property["description"] = about;
    if (about.starts_with("Output only")) property["readOnly"] = true;
    schema["properties"][field.json_name()] = property;
  }
  return schema;
}

json Schemas::OfField(const FieldDescriptor& field) {
  if (field.is_map()) {
    return {{"type", "object"},
            {"additionalProperties", OfValue(*field.message_type()->map_value())}};
  }
  if (field.is_repeated()) return {{"type", "array"}, {"items", OfValue(field)}};
  return OfValue(field);
}

json Schemas::OfValue(const FieldDescriptor& field) {
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_BOOL:
      return {{"type", "boolean"}};
    case FieldDescriptor::CPPTYPE_INT32:
    case FieldDescriptor::CPPTYPE_UINT32:
      return {{"type", "integer"}, {"format", "int32"}};
    // A JSON number has not the digits.
    case FieldDescriptor::CPPTYPE_INT64:
    case FieldDescriptor::CPPTYPE_UINT64:
      return {{"type", "string"}, {"format", "int64"}};
    case FieldDescriptor::CPPTYPE_FLOAT:
      return {{"type", "number"}, {"format", "float"}};
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return {{"type", "number"}, {"format", "double"}};
    case FieldDescriptor::CPPTYPE_ENUM:
      return OfEnum(*field.enum_type());
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return Ref(*field.message_type());
    default:
      break;
  }
  if (field.type() == FieldDescriptor::TYPE_BYTES) return {{"type", "string"}, {"format", "byte"}};
  return {{"type", "string"}};
}

}  // namespace trainyard::server

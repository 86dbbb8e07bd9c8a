#include "server/http/transcode.h"

#include <google/protobuf/util/json_util.h>

#include <nlohmann/json.hpp>
#include <vector>

#include "absl/strings/numbers.h"
#include "core/base/error.h"
#include "core/base/text.h"
#include "server/http/body_error.h"

namespace trainyard::server {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

absl::Status BadParameter(std::string_view path, const std::string& value,
                          std::string_view wanted) {
  return FieldError(path, "BAD_PARAMETER",
                    StrCat("the parameter ", path, " takes ", wanted, ", not '", value, "'"));
}

const FieldDescriptor* FieldOf(const Descriptor& type, std::string_view name) {
  const std::string text(name);
  const FieldDescriptor* field = type.FindFieldByName(text);
  return field != nullptr ? field : type.FindFieldByCamelcaseName(text);
}

template <typename Number>
absl::StatusOr<Number> ParseNumber(std::string_view path, const std::string& value) {
  Number number{};
  if (absl::SimpleAtoi(value, &number)) return number;
  return BadParameter(path, value, "a whole number");
}

// Sets a field to a value, or adds it; `Set` and `Add` are Reflection's.
template <typename Value, typename Set, typename Add>
void Put(Message& message, const FieldDescriptor* field, Value value, Set set, Add add) {
  const Reflection* reflection = message.GetReflection();
  if (field->is_repeated()) {
    (reflection->*add)(&message, field, std::move(value));
  } else {
    (reflection->*set)(&message, field, std::move(value));
  }
}

absl::Status PutWhole(Message& message, const FieldDescriptor* field, std::string_view path,
                      const std::string& value) {
  const auto put = [&](auto number, auto set, auto add) {
    if (number.ok()) Put(message, field, *number, set, add);
    return number.status();
  };
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return put(ParseNumber<std::int32_t>(path, value), &Reflection::SetInt32,
                 &Reflection::AddInt32);
    case FieldDescriptor::CPPTYPE_UINT32:
      return put(ParseNumber<std::uint32_t>(path, value), &Reflection::SetUInt32,
                 &Reflection::AddUInt32);
    case FieldDescriptor::CPPTYPE_UINT64:
      return put(ParseNumber<std::uint64_t>(path, value), &Reflection::SetUInt64,
                 &Reflection::AddUInt64);
    default:
      return put(ParseNumber<std::int64_t>(path, value), &Reflection::SetInt64,
                 &Reflection::AddInt64);
  }
}

absl::Status PutReal(Message& message, const FieldDescriptor* field, std::string_view path,
                     const std::string& value) {
  double number = 0;
  if (!absl::SimpleAtod(value, &number)) return BadParameter(path, value, "a number");
  if (field->cpp_type() == FieldDescriptor::CPPTYPE_FLOAT) {
    Put(message, field, static_cast<float>(number), &Reflection::SetFloat, &Reflection::AddFloat);
  } else {
    Put(message, field, number, &Reflection::SetDouble, &Reflection::AddDouble);
  }
  return absl::OkStatus();
}

absl::Status PutBool(Message& message, const FieldDescriptor* field, std::string_view path,
                     const std::string& value) {
  if (value != "true" && value != "false") return BadParameter(path, value, "true or false");
  Put(message, field, value == "true", &Reflection::SetBool, &Reflection::AddBool);
  return absl::OkStatus();
}

absl::Status PutEnum(Message& message, const FieldDescriptor* field, std::string_view path,
                     const std::string& value) {
  const auto* found = field->enum_type()->FindValueByName(value);
  if (found == nullptr) {
    std::string names;
    for (int i = 0; i < field->enum_type()->value_count(); ++i) {
      names += StrCat(i == 0 ? "" : ", ", field->enum_type()->value(i)->name());
    }
    return BadParameter(path, value, StrCat("one of ", names));
  }
  Put(message, field, found->number(), &Reflection::SetEnumValue, &Reflection::AddEnumValue);
  return absl::OkStatus();
}

// Masks, times and durations have a JSON form that is a string.
absl::Status PutMessage(Message& message, const FieldDescriptor* field, std::string_view path,
                        const std::string& value) {
  Message* inner = field->is_repeated() ? message.GetReflection()->AddMessage(&message, field)
                                        : message.GetReflection()->MutableMessage(&message, field);
  const std::string quoted = nlohmann::json(value).dump();
  if (google::protobuf::util::JsonStringToMessage(quoted, inner).ok()) return absl::OkStatus();
  return BadParameter(path, value, StrCat("a ", field->message_type()->full_name(), " in JSON"));
}

absl::Status PutValue(Message& message, const FieldDescriptor* field, std::string_view path,
                      const std::string& value) {
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      Put(message, field, value, &Reflection::SetString, &Reflection::AddString);
      return absl::OkStatus();
    case FieldDescriptor::CPPTYPE_BOOL:
      return PutBool(message, field, path, value);
    case FieldDescriptor::CPPTYPE_ENUM:
      return PutEnum(message, field, path, value);
    case FieldDescriptor::CPPTYPE_FLOAT:
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return PutReal(message, field, path, value);
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return PutMessage(message, field, path, value);
    default:
      return PutWhole(message, field, path, value);
  }
}

absl::Status UnknownParameter(std::string_view path) {
  return FieldError(path, "UNKNOWN_PARAMETER",
                    StrCat("this path has no parameter ", path, ": see /v1/openapi.json"));
}

absl::Status ReadBody(const Route& route, std::string_view body, Message& request) {
  if (body.empty()) return absl::OkStatus();
  if (route.body_field.empty()) {
    return FieldError("", "UNEXPECTED_BODY", "this path takes no body, only parameters");
  }
  Message* target = &request;
  if (route.body_field != "*") {
    const FieldDescriptor* field = request.GetDescriptor()->FindFieldByName(route.body_field);
    target = request.GetReflection()->MutableMessage(&request, field);
  }
  const auto status = google::protobuf::util::JsonStringToMessage(
      google::protobuf::StringPiece(body.data(), body.size()), target);
  if (status.ok()) return absl::OkStatus();
  return BodyError(*target->GetDescriptor(), route.body_field,
                   {status.message().data(), status.message().size()});
}

// Sets the name that a path holds, over any that a body held.
absl::Status SetName(Message& request, const Route& route, std::string_view name) {
  if (route.name_field.empty()) return absl::OkStatus();
  return SetField(request, route.name_field, std::string(name));
}

}  // namespace

std::unique_ptr<Message> NewMessage(const Descriptor& type) {
  const Message* prototype =
      google::protobuf::MessageFactory::generated_factory()->GetPrototype(&type);
  return std::unique_ptr<Message>(prototype->New());
}

absl::Status SetField(Message& message, std::string_view path, const std::string& value) {
  Message* owner = &message;
  const auto steps = Split(path, '.');
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const FieldDescriptor* field = FieldOf(*owner->GetDescriptor(), steps[i]);
    if (field == nullptr) return UnknownParameter(path);
    if (i + 1 == steps.size()) return PutValue(*owner, field, path, value);
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE || field->is_repeated()) {
      return UnknownParameter(path);
    }
    owner = owner->GetReflection()->MutableMessage(owner, field);
  }
  return UnknownParameter(path);
}

absl::StatusOr<std::unique_ptr<Message>> ToRequest(const Route& route, std::string_view name,
                                                   const Query& query, std::string_view body) {
  auto request = NewMessage(*route.method->input_type());
  if (auto status = ReadBody(route, body, *request); !status.ok()) return status;
  for (const auto& [parameter, value] : query) {
    if (auto status = SetField(*request, parameter, value); !status.ok()) return status;
  }
  if (auto status = SetName(*request, route, name); !status.ok()) return status;
  return request;
}

std::string ToJson(const Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.always_print_primitive_fields = true;
  std::string json;
  const auto status = google::protobuf::util::MessageToJsonString(message, &json, options);
  // Only a detail of a type that is not linked in fails.
  if (!status.ok()) json = nlohmann::json{{"unprintable", status.ToString()}}.dump();
  return json;
}

grpc::ByteBuffer ToBytes(const Message& message) {
  const grpc::Slice slice(message.SerializeAsString());
  return {&slice, 1};
}

std::string ToString(const grpc::ByteBuffer& bytes) {
  std::vector<grpc::Slice> slices;
  std::string text;
  if (!bytes.Dump(&slices).ok()) return text;
  text.reserve(bytes.Length());
  for (const grpc::Slice& slice : slices) {
    text.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return text;
}

}  // namespace trainyard::server

#include "server/http/body_error.h"

#include <array>
#include <string>
#include <utility>

#include "core/base/error.h"
#include "core/base/text.h"

namespace trainyard::server {
namespace {

using google::protobuf::DescriptorPool;

constexpr std::string_view kInvalid = "invalid value ";
constexpr std::string_view kOfType = " for type ";
constexpr std::string_view kUnknown = ": Cannot find field.";
constexpr std::string_view kTypeUrl = "type.googleapis.com/";
constexpr std::array<std::pair<std::string_view, std::string_view>, 8> kScalars{{
    {"TYPE_INT32", "a whole number of 32 bits"},
    {"TYPE_UINT32", "a whole number of 32 bits, from 0"},
    {"TYPE_INT64", "a whole number of 64 bits"},
    {"TYPE_UINT64", "a whole number of 64 bits, from 0"},
    {"TYPE_FLOAT", "a number"},
    {"TYPE_DOUBLE", "a number"},
    {"TYPE_BOOL", "true or false"},
    {"TYPE_BYTES", "bytes in base64"},
}};

// job and spec.epochs are job.spec.epochs.
std::string Joined(std::string_view parent, std::string_view child) {
  return StrCat(parent, parent.empty() || child.empty() ? "" : ".", child);
}

std::string_view Leaf(std::string_view path) { return path.substr(path.rfind('.') + 1); }

// What a field of this type takes, in words.
std::string Wanted(std::string_view type) {
  for (const auto& [name, words] : kScalars) {
    if (name == type) return std::string(words);
  }
  if (!type.starts_with(kTypeUrl)) return std::string(type);
  const std::string name(type.substr(kTypeUrl.size()));
  const auto* found = DescriptorPool::generated_pool()->FindEnumTypeByName(name);
  if (found == nullptr) return StrCat("the JSON of ", Leaf(name));
  std::string names;
  for (int i = 0; i < found->value_count(); ++i) {
    names += StrCat(i == 0 ? "one of " : ", ", found->value(i)->name());
  }
  return names;
}

}  // namespace

// protobuf says "(spec.epochs): invalid value 1.5 for type TYPE_INT32", and of a name
// that there is not "(spec) epoks: Cannot find field."
absl::Status BodyError(const google::protobuf::Descriptor& type, std::string_view body_field,
                       std::string_view what) {
  const std::string root(body_field == "*" ? "" : body_field);
  const std::string all = StrCat("the body is not a ", type.name(), " in JSON: ", what);
  std::string_view path;
  std::string_view rest = what;
  if (const auto end = what.find(')'); what.starts_with("(") && end != std::string_view::npos) {
    path = what.substr(1, end - 1);
    rest = what.substr(end + 1);
  }
  while (rest.starts_with(" ") || rest.starts_with(":")) rest.remove_prefix(1);
  const std::string field = Joined(root, path);
  if (rest.ends_with(kUnknown)) {
    const std::string_view name = rest.substr(0, rest.size() - kUnknown.size());
    const std::string owner = path.empty() ? StrCat("a ", type.name()) : std::string(Leaf(path));
    return FieldError(Joined(field, name), "MALFORMED_JSON", StrCat(owner, " has no field ", name));
  }
  const auto of = rest.rfind(kOfType);
  if (path.empty() || !rest.starts_with(kInvalid) || of == std::string_view::npos) {
    return FieldError(field, "MALFORMED_JSON", all);
  }
  return FieldError(field, "MALFORMED_JSON",
                    StrCat(Leaf(path), " takes ", Wanted(rest.substr(of + kOfType.size())),
                           ", not ", rest.substr(kInvalid.size(), of - kInvalid.size())));
}

}  // namespace trainyard::server

// Where methods are: by convention, and by two tables for what it does not tell.
#include <array>
#include <optional>

#include "absl/strings/ascii.h"
#include "core/base/text.h"
#include "server/http/route_table.h"

namespace trainyard::server {
namespace {

using boost::beast::http::verb;
using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::MethodDescriptor;

// A resource's message, and the pattern of its names.
struct Resource {
  std::string_view type;
  std::string_view pattern;
};
constexpr std::array kResources{
    Resource{"User", "users/*"},
    Resource{"Token", "users/*/tokens/*"},
    Resource{"Dataset", "users/*/datasets/*"},
    Resource{"Network", "users/*/networks/*"},
    Resource{"TrainingJob", "users/*/jobs/*"},
    Resource{"Checkpoint", "users/*/jobs/*/checkpoints/*"},
    Resource{"Evaluation", "users/*/jobs/*/evaluations/*"},
    Resource{"Invitation", "invitations/*"},
};

// Methods whose names do not say what resource their `name` or `parent` is.
struct Exception {
  std::string_view method;
  std::string_view resource;
  // What follows the resource's name.
  std::string_view suffix;
};
constexpr std::array kExceptions{
    Exception{"Predict", "TrainingJob", ":predict"},
    Exception{"ListTrainingEvents", "TrainingJob", "/events"},
    Exception{"GetConfusionMatrix", "Evaluation", "/confusionMatrix"},
    Exception{"ListMisclassified", "Evaluation", "/misclassified"},
};

// Verbs of methods that change nothing, and so are a GET.
constexpr std::array<std::string_view, 5> kReads{"Get", "List", "Watch", "Preview", "Read"};

// CancelTrainingJob is Cancel and TrainingJob.
struct MethodName {
  std::string verb;
  std::string noun;
};
MethodName Taken(const std::string& name) {
  std::size_t end = 1;
  while (end < name.size() && !absl::ascii_isupper(static_cast<unsigned char>(name[end]))) ++end;
  return {name.substr(0, end), name.substr(end)};
}

std::string LowerCamel(std::string text) {
  if (!text.empty()) text[0] = absl::ascii_tolower(static_cast<unsigned char>(text[0]));
  return text;
}

const Resource* ResourceOf(std::string_view type) {
  for (const Resource& resource : kResources) {
    if (resource.type == type) return &resource;
  }
  return nullptr;
}

// TrainingJobs are of TrainingJob.
std::string Singular(std::string_view noun) {
  if (noun.ends_with("ies")) return StrCat(noun.substr(0, noun.size() - 3), "y");
  if (noun.ends_with("s")) noun.remove_suffix(1);
  return std::string(noun);
}

std::string_view CollectionOf(const Resource& resource) {
  return resource.pattern.substr(0, resource.pattern.rfind('/'));
}

// The field that is the resource itself, in a request that creates or updates.
std::string ResourceField(const Descriptor& request, std::string_view type) {
  for (int i = 0; i < request.field_count(); ++i) {
    const FieldDescriptor& field = *request.field(i);
    if (field.message_type() != nullptr && field.message_type()->name() == type) {
      return field.name();
    }
  }
  return "";
}

bool HasChunk(const Descriptor& message) {
  const FieldDescriptor* chunk = message.FindFieldByName("chunk");
  return chunk != nullptr && chunk->type() == FieldDescriptor::TYPE_BYTES;
}

// Nothing for streams of a form that HTTP/1.1 has no use for.
std::optional<RouteKind> KindOf(const MethodDescriptor& method) {
  if (method.client_streaming()) {
    if (method.server_streaming() || !HasChunk(*method.input_type())) return std::nullopt;
    return RouteKind::kUpload;
  }
  if (!method.server_streaming()) return RouteKind::kUnary;
  return HasChunk(*method.output_type()) ? RouteKind::kBytes : RouteKind::kEvents;
}

verb VerbOf(const std::string& word) {
  if (word == "Create") return verb::post;
  if (word == "Update") return verb::patch;
  if (word == "Delete") return verb::delete_;
  for (const std::string_view read : kReads) {
    if (word == read) return verb::get;
  }
  return verb::post;
}

bool IsStandard(const std::string& word) {
  return word == "Get" || word == "List" || word == "Create" || word == "Update" ||
         word == "Delete";
}

// Makes `route` of users/*/jobs/*, the part that is the name, and what follows.
void SetPath(Route& route, std::string_view name_pattern, std::string_view rest) {
  const auto colon = rest.find(':');
  const std::string path = StrCat(name_pattern, rest.substr(0, colon));
  if (colon != std::string_view::npos) route.action = std::string(rest.substr(colon + 1));
  for (const std::string_view segment : Split(path, '/')) {
    if (!segment.empty()) route.segments.emplace_back(segment);
  }
  if (!route.name_field.empty()) route.name_segments = Split(name_pattern, '/').size();
}

// Where `name` or `parent` is given: the resource decides. False where it is
// none that we know.
bool SetResourcePath(Route& route, const MethodName& name) {
  for (const Exception& exception : kExceptions) {
    if (exception.method == route.method->name()) {
      SetPath(route, ResourceOf(exception.resource)->pattern, exception.suffix);
      return true;
    }
  }
  const Resource* resource = ResourceOf(name.noun);
  if (resource == nullptr) resource = ResourceOf(Singular(name.noun));
  if (resource == nullptr) return false;
  const std::string action = IsStandard(name.verb) ? "" : StrCat(":", LowerCamel(name.verb));
  if (route.name_field != "parent") {
    SetPath(route, resource->pattern, action);
    return true;
  }
  const std::string_view collection = CollectionOf(*resource);
  const auto slash = collection.rfind('/');
  SetPath(route, collection.substr(0, slash), StrCat(collection.substr(slash), action));
  return true;
}

// Where it is not: a collection at the top, the one thing of its kind, or an
// action of the server's own.
void SetTopPath(Route& route, const MethodName& name) {
  const Resource* resource = ResourceOf(Singular(name.noun));
  if (!IsStandard(name.verb))
    return SetPath(route, "", StrCat(":", LowerCamel(route.method->name())));
  if (resource != nullptr) return SetPath(route, "", CollectionOf(*resource));
  SetPath(route, "", LowerCamel(name.noun));
}

}  // namespace

Route RouteOf(const MethodDescriptor& method) {
  const auto kind = KindOf(method);
  if (!kind) return {};
  const MethodName name = Taken(method.name());
  const Descriptor& request = *method.input_type();
  Route route;
  route.kind = *kind;
  route.method = &method;
  route.verb = VerbOf(name.verb);
  const std::string resource_field = ResourceField(request, name.noun);
  if (name.verb == "Create" || name.verb == "Update") {
    route.body_field = resource_field;
  } else if (route.verb == verb::post && route.kind == RouteKind::kUnary) {
    route.body_field = "*";
  }
  if (request.FindFieldByName("name") != nullptr) {
    route.name_field = "name";
  } else if (request.FindFieldByName("parent") != nullptr) {
    route.name_field = "parent";
  } else if (name.verb == "Update" && ResourceOf(name.noun) != nullptr) {
    route.name_field = resource_field + ".name";
  }
  if (route.name_field.empty()) {
    SetTopPath(route, name);
    return route;
  }
  return SetResourcePath(route, name) ? route : Route{};
}

}  // namespace trainyard::server

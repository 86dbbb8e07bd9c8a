#include "server/http/route_table.h"

#include <google/protobuf/descriptor_database.h>

#include <algorithm>
#include <optional>

#include "core/base/text.h"
#include "server/http/uri.h"

namespace trainyard::server {
namespace {

using boost::beast::http::verb;
using google::protobuf::DescriptorPool;
using google::protobuf::FileDescriptor;

constexpr std::string_view kPrefix = "/v1";

// Every file that is linked in, sorted, so that a new service needs no word here.
std::vector<const FileDescriptor*> LinkedFiles(const std::vector<std::string>& packages) {
  std::vector<std::string> names;
  DescriptorPool::internal_generated_database()->FindAllFileNames(&names);
  std::sort(names.begin(), names.end());
  std::vector<const FileDescriptor*> files;
  for (const std::string& name : names) {
    const FileDescriptor* file = DescriptorPool::generated_pool()->FindFileByName(name);
    if (file == nullptr) continue;
    if (std::find(packages.begin(), packages.end(), file->package()) != packages.end()) {
      files.push_back(file);
    }
  }
  return files;
}

// A path taken apart: /v1/users/me/jobs:watch is three segments and an action.
struct Path {
  std::vector<std::string> segments;
  std::string action;
};

std::optional<Path> TakeApart(std::string_view path) {
  if (!path.starts_with(kPrefix)) return std::nullopt;
  path.remove_prefix(kPrefix.size());
  Path result;
  const auto slash = path.rfind('/');
  const auto colon = path.rfind(':');
  if (colon != std::string_view::npos && (slash == std::string_view::npos || colon > slash)) {
    result.action = std::string(path.substr(colon + 1));
    if (result.action.empty()) return std::nullopt;
    path = path.substr(0, colon);
  }
  if (path.empty()) return result;
  if (!path.starts_with("/")) return std::nullopt;
  for (const std::string_view segment : Split(path.substr(1), '/')) {
    auto decoded = PercentDecoded(segment, false);
    // An escaped slash would make one segment look like two further on.
    if (!decoded || decoded->empty() || decoded->find('/') != std::string::npos) {
      return std::nullopt;
    }
    result.segments.push_back(*std::move(decoded));
  }
  return result;
}

bool Matches(const Route& route, const Path& path) {
  if (route.action != path.action || route.segments.size() != path.segments.size()) return false;
  for (std::size_t i = 0; i < route.segments.size(); ++i) {
    if (route.segments[i] != "*" && route.segments[i] != path.segments[i]) return false;
  }
  return true;
}

std::string NameIn(const Route& route, const Path& path) {
  std::string name;
  for (std::size_t i = 0; i < route.name_segments; ++i) {
    name += StrCat(i == 0 ? "" : "/", path.segments[i]);
  }
  return name;
}

// A body's bytes may be put as well as posted; what would answer a GET at once says
// its head alone, too.
bool Takes(const Route& route, verb given) {
  if (given == verb::head) return route.verb == verb::get && route.kind == RouteKind::kUnary;
  return given == route.verb || (route.kind == RouteKind::kUpload && given == verb::put);
}

// jobs are of a {job}.
std::string Placeholder(const Route& route, std::size_t index) {
  if (index == 0) return "{id}";
  std::string collection = route.segments[index - 1];
  if (collection == "checkpoints") return "{epoch}";
  if (collection.ends_with("s")) collection.pop_back();
  return StrCat("{", collection, "}");
}

}  // namespace

std::string Route::rpc_path() const {
  return StrCat("/", method->service()->full_name(), "/", method->name());
}

std::string Route::template_path() const {
  std::string path(kPrefix);
  for (std::size_t i = 0; i < segments.size(); ++i) {
    path += StrCat("/", segments[i] == "*" ? Placeholder(*this, i) : segments[i]);
  }
  return action.empty() ? path : StrCat(path, ":", action);
}

RouteTable RouteTable::Build(const std::vector<std::string>& packages) {
  RouteTable table;
  for (const FileDescriptor* file : LinkedFiles(packages)) {
    for (int i = 0; i < file->service_count(); ++i) {
      for (int j = 0; j < file->service(i)->method_count(); ++j) {
        const auto& method = *file->service(i)->method(j);
        Route route = RouteOf(method);
        if (route.method == nullptr) {
          table.unrouted_.push_back(method.full_name());
        } else {
          table.routes_.push_back(std::move(route));
        }
      }
    }
  }
  return table;
}

RouteTable::Match RouteTable::Find(verb given, std::string_view path) const {
  Match match;
  const auto parts = TakeApart(path);
  if (!parts) return match;
  for (const Route& route : routes_) {
    if (!Matches(route, *parts)) continue;
    if (Takes(route, given)) return {&route, NameIn(route, *parts), {}};
    match.allowed.push_back(route.verb);
  }
  return match;
}

}  // namespace trainyard::server

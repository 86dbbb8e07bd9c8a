// Which method of the public API a path and an HTTP verb mean.
#pragma once

#include <google/protobuf/descriptor.h>

#include <boost/beast/http/verb.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace trainyard::server {

// How a method's call looks over HTTP.
enum class RouteKind {
  // JSON in, JSON out.
  kUnary,
  // A stream of messages: Server-Sent Events.
  kEvents,
  // A stream whose messages carry `bytes chunk`: those bytes.
  kBytes,
  // A stream of requests that carry `bytes chunk`: the body's bytes.
  kUpload,
};

// One method, and where it is. With /v1 in front, its path is the segments, of
// which "*" is any one, and `:action` where it has one.
struct Route {
  boost::beast::http::verb verb = boost::beast::http::verb::get;
  std::vector<std::string> segments;
  std::string action;
  // The request's field that the first `name_segments` segments are the value
  // of; "dataset.name" is within another. Empty where there is none.
  std::string name_field;
  std::size_t name_segments = 0;
  // The request's field that the body is; "*" is the whole request, and empty is
  // no body.
  std::string body_field;
  const google::protobuf::MethodDescriptor* method = nullptr;
  RouteKind kind = RouteKind::kUnary;

  // As gRPC has it: /package.Service/Method.
  std::string rpc_path() const;
  // As OpenAPI has it: /v1/users/{user}/jobs/{job}:cancel.
  std::string template_path() const;
};

// Built once from the descriptors of the public services, by convention: a
// standard method (AIP-131 to 135) is at its resource, any other is a POST of
// RESOURCE:action, or a GET where its name says that it reads. What convention
// does not tell is in the two short tables of route_rules.cpp. Immutable.
class RouteTable {
 public:
  // Of every service of these packages that is linked in.
  static RouteTable Build(const std::vector<std::string>& packages);

  struct Match {
    // Null where nothing matches.
    const Route* route = nullptr;
    // The value of the route's name_field.
    std::string name;
    // What the path allows, where nothing matches because of the verb.
    std::vector<boost::beast::http::verb> allowed;
  };
  // `path` as sent, without the query.
  Match Find(boost::beast::http::verb verb, std::string_view path) const;

  const std::vector<Route>& routes() const { return routes_; }
  // Methods that have none: full names.
  const std::vector<std::string>& unrouted() const { return unrouted_; }

 private:
  std::vector<Route> routes_;
  std::vector<std::string> unrouted_;
};

// The route of a method; one without a method where there is none.
Route RouteOf(const google::protobuf::MethodDescriptor& method);

}  // namespace trainyard::server

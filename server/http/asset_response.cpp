#include "server/http/asset_response.h"

#include <boost/beast/core/string.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <string>

#include "absl/strings/numbers.h"
#include "core/base/text.h"

namespace trainyard::server {
namespace {

namespace bhttp = boost::beast::http;

// Scripts and styles are files of ours, never part of the page, and nothing comes
// from elsewhere. Images may be drawn by a script.
constexpr char kContentSecurityPolicy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'";

bool HasTag(const bhttp::fields& request, std::string_view tag) {
  const auto value = request[bhttp::field::if_none_match];
  return std::string_view(value.data(), value.size()).find(tag) != std::string_view::npos;
}

// RFC 9110, 12.5.3: gzip is named, and not with a weight of 0.
bool TakesGzip(const bhttp::fields& request) {
  for (const auto& [coding, parameters] : bhttp::ext_list(request[bhttp::field::accept_encoding])) {
    if (!boost::beast::iequals(coding, "gzip")) continue;
    for (const auto& [name, value] : parameters) {
      double weight = 1;
      const bool is_weight = boost::beast::iequals(name, "q");
      if (is_weight && absl::SimpleAtod({value.data(), value.size()}, &weight) && weight == 0) {
        return false;
      }
    }
    return true;
  }
  return false;
}

}  // namespace

HttpResponse AssetResponse(const Asset& asset, const bhttp::fields& request) {
  HttpResponse response;
  response.content_type = std::string(asset.content_type);
  const bool hashed = asset.path.starts_with("/assets/");
  response.headers = {
      {"Cache-Control", hashed ? "public, max-age=31536000, immutable" : "no-cache"},
      {"Content-Security-Policy", kContentSecurityPolicy},
      // Weak: that of both forms, packed and not.
      {"ETag", StrCat("W/", asset.etag)},
      {"Referrer-Policy", "no-referrer"},
      {"Vary", "Accept-Encoding"}};
  if (HasTag(request, asset.etag)) {
    response.status = bhttp::status::not_modified;
    return response;
  }
  if (!asset.gzip.empty() && TakesGzip(request)) {
    response.headers.emplace_back("Content-Encoding", "gzip");
    response.body = std::string(asset.gzip);
  } else {
    response.body = std::string(asset.bytes);
  }
  return response;
}

}  // namespace trainyard::server

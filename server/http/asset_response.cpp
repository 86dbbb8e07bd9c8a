#include "server/http/asset_response.h"

#include <string>

namespace trainyard::server {
namespace {

namespace bhttp = boost::beast::http;

// Scripts and styles are files of ours, never part of the page, and nothing comes
// from elsewhere. Images may be drawn by a script.
constexpr char kContentSecurityPolicy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'";

bool Accepts(const bhttp::fields& request, bhttp::field name, std::string_view token) {
  const auto value = request[name];
  return std::string_view(value.data(), value.size()).find(token) != std::string_view::npos;
}

}  // namespace

HttpResponse AssetResponse(const Asset& asset, const bhttp::fields& request) {
  HttpResponse response;
  response.content_type = std::string(asset.content_type);
  const bool hashed = asset.path.starts_with("/assets/");
  response.headers = {
      {"Cache-Control", hashed ? "public, max-age=31536000, immutable" : "no-cache"},
      {"Content-Security-Policy", kContentSecurityPolicy},
      {"ETag", std::string(asset.etag)},
      {"Referrer-Policy", "no-referrer"},
      {"Vary", "Accept-Encoding"}};
  if (Accepts(request, bhttp::field::if_none_match, asset.etag)) {
    response.status = bhttp::status::not_modified;
    return response;
  }
  if (!asset.gzip.empty() && Accepts(request, bhttp::field::accept_encoding, "gzip")) {
    response.headers.emplace_back("Content-Encoding", "gzip");
    response.body = std::string(asset.gzip);
  } else {
    response.body = std::string(asset.bytes);
  }
  return response;
}

}  // namespace trainyard::server

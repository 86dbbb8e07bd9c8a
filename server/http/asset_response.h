// How the page's files are answered.
#pragma once

#include <boost/beast/http/fields.hpp>

#include "server/http/assets.h"
#include "server/http/response.h"

namespace trainyard::server {

// 200, or 304 where the browser has it already. Files below /assets/ have their
// content's hash in their names and are kept for a year; others are asked for
// each time.
HttpResponse AssetResponse(const Asset& asset, const boost::beast::http::fields& request);

}  // namespace trainyard::server

// The description of the API over HTTP, made of the protos.
#pragma once

#include <string>

#include "server/http/route_table.h"

namespace trainyard::server {

// An OpenAPI 3.0 document with a path for each route.
std::string OpenApi(const RouteTable& routes);

}  // namespace trainyard::server

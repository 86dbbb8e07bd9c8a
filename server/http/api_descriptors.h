// The public protos, comments and all.
#pragma once

#include <string_view>

namespace trainyard::server {

// A serialised google.protobuf.FileDescriptorSet, imports first.
std::string_view ApiDescriptors();

}  // namespace trainyard::server

// What is wrong with a body of JSON, by the field that it is in.
#pragma once

#include <google/protobuf/descriptor.h>

#include <string_view>

#include "absl/status/status.h"

namespace trainyard::server {

// INVALID_ARGUMENT for a body that is no message of `type`, from what protobuf's
// parser says of it. Its field is below `body_field`, the one that the body is; "*"
// is the whole request.
absl::Status BodyError(const google::protobuf::Descriptor& type, std::string_view body_field,
                       std::string_view what);

}  // namespace trainyard::server

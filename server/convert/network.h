// Networks: public messages to core's specs and back.
#pragma once

#include "absl/status/statusor.h"
#include "core/nn/network.h"
#include "trainyard/v1/network.pb.h"

namespace trainyard::server {

// Fills in every default and validates. Fields in errors are those of the
// message, beginning with "network.spec.".
absl::StatusOr<NetworkSpec> ToCore(const v1::NetworkSpec& message);

// With every field set.
v1::NetworkSpec ToProto(const NetworkSpec& spec);

// spec, layer_shapes and parameter_count.
v1::Network DescribeNetwork(const NetworkSpec& spec);

}  // namespace trainyard::server

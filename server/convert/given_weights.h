// Weights that a user gives with a network: apart from the spec once they have
// been checked, since they are large.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "core/nn/network.h"
#include "trainyard/v1/network.pb.h"

namespace trainyard::server {

// Checks each layer against its shape in `network`, which must be valid. A
// message that has a digest alone gives an initialiser without values. Fields in
// errors begin with "initializer.weights".
absl::StatusOr<GivenInitializer> ToCore(const v1::WeightsInitializer& message,
                                        const NetworkSpec& network);

// The values as bytes, for the store; empty where the spec has none.
std::string GivenWeights(const NetworkSpec& spec);

// Puts values that were stored back. Nothing to do for a spec whose weights are
// drawn. Errors: DATA_LOSS where they are not those of the spec's digest.
absl::Status GiveWeights(const std::string& bytes, NetworkSpec& spec);

}  // namespace trainyard::server

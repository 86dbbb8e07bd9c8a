// A network in the words of the command line.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "trainyard/v1/network.pb.h"

namespace trainyard::client {

// What `network create` takes; empty words leave the choice to the server.
struct NetworkWords {
  std::string layers;
  std::string activation;
  std::string loss = "tse";
  std::string init;
  // A safetensors file or a NumPy archive.
  std::string weights;
  bool no_bias = false;
  std::int64_t seed = 0;
};

// Errors: INVALID_ARGUMENT naming the option; those of reading the weights.
absl::StatusOr<v1::NetworkSpec> MakeNetworkSpec(const NetworkWords& words);

}  // namespace trainyard::client

// Weights to begin with, from a file of any format that is read.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "trainyard/v1/network.pb.h"

namespace trainyard::client {

// A tensor as it is in a file, row-major.
struct WeightTensor {
  std::vector<std::int64_t> shape;
  std::vector<double> values;
};
// By name: W1, b1, W2, b2, ...
using WeightTensors = std::map<std::string, WeightTensor>;

// Whether a tensor is one of these; others are passed over.
bool IsWeightName(absl::string_view name);

// Reads a safetensors file or a NumPy archive (.npz) as the layers of an
// initialiser for `network`. Biases may be absent from all layers of a network
// without them. Errors: NOT_FOUND; INVALID_ARGUMENT for what is no such file, or
// a tensor that is missing or of another shape, naming the tensor and both shapes.
absl::StatusOr<v1::WeightsInitializer> ReadWeights(const std::filesystem::path& path,
                                                   const v1::NetworkSpec& network);

}  // namespace trainyard::client

// Weights from a safetensors file.
#pragma once

#include <filesystem>

#include "absl/status/statusor.h"
#include "trainyard/v1/network.pb.h"

namespace trainyard::client {

// Reads the tensors W1, b1, W2, b2, ... (F32 or F64; W of shape inputs x units,
// row-major) as the layers of an initialiser; others are passed over. Biases may
// be absent from all layers. Errors: NOT_FOUND; INVALID_ARGUMENT for what is not
// such a file, naming the tensor.
absl::StatusOr<v1::WeightsInitializer> ReadSafetensors(const std::filesystem::path& file);

}  // namespace trainyard::client

// Weights from a safetensors file.
#pragma once

#include <filesystem>

#include "absl/status/statusor.h"
#include "client/lib/weights_file.h"

namespace trainyard::client {

// The tensors that IsWeightName knows, of F32 or F64. Errors: NOT_FOUND;
// INVALID_ARGUMENT for what is not such a file, naming the tensor.
absl::StatusOr<WeightTensors> ReadSafetensors(const std::filesystem::path& path);

}  // namespace trainyard::client

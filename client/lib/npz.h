// Weights from a NumPy archive.
#pragma once

#include <filesystem>

#include "absl/status/statusor.h"
#include "client/lib/weights_file.h"

namespace trainyard::client {

// The arrays that IsWeightName knows, of float32 or float64, as numpy.savez and
// numpy.savez_compressed write them. Errors: NOT_FOUND; INVALID_ARGUMENT for what
// is not such a file, naming the array.
absl::StatusOr<WeightTensors> ReadNpz(const std::filesystem::path& path);

}  // namespace trainyard::client

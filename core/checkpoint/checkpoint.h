// Weights on disk: a safetensors file whose metadata holds all that is needed
// to use them and to go on from them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <variant>

#include "absl/status/statusor.h"
#include "core/data/scaling.h"
#include "core/nn/network.h"
#include "core/nn/parameters.h"

namespace trainyard {

// What a checkpoint says beside its weights.
struct CheckpointHeader {
  int epoch = 0;
  // Samples of the next epoch already seen.
  std::int64_t sample = 0;
  int attempt = 0;
  std::string kernel_variant;
  std::string dataset_digest;
  Scaling scaling;
};

using AnyParameters = std::variant<Parameters<float>, Parameters<double>>;

struct Checkpoint {
  CheckpointHeader header;
  AnyParameters parameters;
};

struct WrittenCheckpoint {
  // <epoch>-<sample>-a<attempt>-<sha256>.safetensors; the digest is the file's.
  std::string file_name;
  std::int64_t size_bytes = 0;
};

// Writes to a temporary name in `folder`, syncs, renames, syncs the folder.
// Tensors are W1, b1, W2, b2, ... of dtype F32 or F64, shapes (inputs, units)
// and (units); the header's fields are in __metadata__, the vectors of a
// standard scaling in the tensors input_offset and input_factor (F64), which
// come first. A file of the same name is the same file and is left alone.
absl::StatusOr<WrittenCheckpoint> WriteCheckpoint(const std::filesystem::path& folder,
                                                  const CheckpointHeader& header,
                                                  const AnyParameters& parameters);

// Reads a file that WriteCheckpoint wrote for this network and verifies it
// against the digest in its name. Errors: NOT_FOUND; DATA_LOSS.
absl::StatusOr<Checkpoint> ReadCheckpoint(const std::filesystem::path& file,
                                          const NetworkSpec& network);

}  // namespace trainyard

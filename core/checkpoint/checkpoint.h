// Weights on disk: a safetensors file whose metadata holds all that is needed
// to use them and to go on from them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "core/data/scaling.h"
#include "core/nn/network.h"
#include "core/train/training_state.h"

namespace trainyard {

// What a checkpoint says beside the state of its run.
struct CheckpointHeader {
  int attempt = 0;
  std::string kernel_variant;
  std::string dataset_digest;
  // Of what the run was told to do; the caller's, and empty where it has none.
  std::string spec_digest;
  // Names of the optimiser's slots (SlotNamesOf), as many as the state has.
  std::vector<std::string> slots;
  Scaling scaling;
};

using AnyState = std::variant<TrainingState<float>, TrainingState<double>>;

struct Checkpoint {
  CheckpointHeader header;
  AnyState state;
};

struct WrittenCheckpoint {
  // <epoch>-<sample>-a<attempt>-<sha256>.safetensors; the digest is the file's.
  std::string file_name;
  std::int64_t size_bytes = 0;
};

// Writes to a temporary name in `folder`, syncs, renames, syncs the folder.
// Tensors are W1, b1, W2, b2, ... of dtype F32 or F64, shapes (inputs, units)
// and (units), then the same of each slot with the slot's name behind a point
// ("W1.velocity"). First come input_offset and input_factor (F64), the vectors
// of a standard scaling, and generator (U32), the words of MT19937. Everything
// else is in __metadata__, real numbers as the hexadecimal of their bits. A file
// of the same name is the same file and is left alone.
template <typename T>
absl::StatusOr<WrittenCheckpoint> WriteCheckpoint(const std::filesystem::path& folder,
                                                  const CheckpointHeader& header,
                                                  const TrainingState<T>& state);

// Reads a file that WriteCheckpoint wrote for this network and verifies it
// against the digest in its name. Errors: NOT_FOUND; DATA_LOSS.
absl::StatusOr<Checkpoint> ReadCheckpoint(const std::filesystem::path& file,
                                          const NetworkSpec& network);

}  // namespace trainyard

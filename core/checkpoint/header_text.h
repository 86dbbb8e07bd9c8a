// The JSON at the beginning of a checkpoint's safetensors file.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/checkpoint/checkpoint.h"

namespace trainyard {

// What the JSON says of one tensor; its bytes follow those of the one before.
struct TensorEntry {
  std::string name;
  // "F32", "F64" or "U32".
  std::string dtype;
  std::vector<std::int64_t> shape;
  std::int64_t size_bytes = 0;
};

// The numbers of a TrainingState.
struct StateNumbers {
  int epochs_completed = 0;
  std::int64_t samples = 0;
  std::int64_t updates = 0;
  double seconds = 0;
  int best_epoch = 0;
  double best_validation_cost = 0;
  // Of the generator, where there is one.
  std::optional<int> generator_position;
};

// What a reader needs to know before it can build the text: all of it but the
// scaling's vectors.
struct HeaderContent {
  CheckpointHeader header;
  StateNumbers numbers;
  bool f64 = false;
};

// All tensors of a checkpoint, in the order of the file.
std::vector<TensorEntry> TensorsOf(const HeaderContent& content,
                                   const std::vector<LayerShape>& shapes);

// The JSON, padded with spaces so that what follows is on 8 bytes. The same
// arguments give the same text: a reader builds it again and compares.
std::string HeaderText(const HeaderContent& content, const std::vector<TensorEntry>& tensors);

std::optional<HeaderContent> ParseHeader(std::string_view text);

}  // namespace trainyard

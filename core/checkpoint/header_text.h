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
  // "F32" or "F64".
  std::string dtype;
  std::vector<std::int64_t> shape;
  std::int64_t size_bytes = 0;
};

// All tensors of a checkpoint, in the order of the file: the offset and factor
// of a standard scaling, then W1, b1, ...
std::vector<TensorEntry> TensorsOf(const std::vector<LayerShape>& shapes, bool f64,
                                   ScalingKind scaling);

// The JSON, padded with spaces so that what follows is on 8 bytes. The same
// arguments give the same text: a reader builds it again and compares.
std::string HeaderText(const CheckpointHeader& header, const std::vector<TensorEntry>& tensors);

// What a reader needs to know before it can build the text. The scaling's
// vectors are not in the JSON.
struct ParsedHeader {
  CheckpointHeader header;
  bool f64 = false;
};
std::optional<ParsedHeader> ParseHeader(std::string_view text);

}  // namespace trainyard

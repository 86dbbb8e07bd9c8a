// A request and an answer of ModelInfer as the Open Inference Protocol has them in
// JSON, some tensors perhaps as bytes behind it.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "inference/inference.pb.h"

namespace trainyard::server {

// Which outputs are wanted as bytes.
struct BinaryOutputs {
  bool all = false;
  // Said of one, by name.
  std::vector<std::pair<std::string, bool>> named;

  bool Wants(const std::string& output) const;
};

struct InferBody {
  inference::ModelInferRequest request;
  BinaryOutputs binary;
};

// Reads a body whose first `json_bytes` bytes are JSON (all, where unset). Tensors'
// elements, flat or nested, become raw little-endian contents, in order. Errors:
// INVALID_ARGUMENT.
absl::StatusOr<InferBody> InferBodyOf(std::string_view body, std::optional<std::size_t> json_bytes);

// An answer's body, and how much of it is JSON where bytes follow.
struct InferAnswer {
  std::string body;
  std::optional<std::size_t> json_bytes;
};
InferAnswer InferAnswerOf(const inference::ModelInferResponse& response,
                          const BinaryOutputs& binary);

}  // namespace trainyard::server

// Tensors of the inference protocol: rows out of requests, answers into
// responses.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "absl/status/statusor.h"
#include "inference/inference.pb.h"
#include "server/frames/frame.h"
#include "server/serving/model_directory.h"

namespace trainyard::server {

// Rows that one request to a model may have: so many that the answer has at most
// 64 MiB, and at most 65,536.
int MaxInferenceRows(const ServedVersion& model);

// Rows as they are sent to a worker.
struct InferenceRows {
  RowType type{};
  std::uint64_t rows = 0;
  // In the request, or in `owner`.
  std::span<const std::uint8_t> bytes;
  std::shared_ptr<const void> owner;
};

// Reads the one input that a model has. Errors: INVALID_ARGUMENT naming the
// field.
absl::StatusOr<InferenceRows> RowsOf(const inference::ModelInferRequest& request,
                                     const ServedVersion& model);

// Whether a request asks for outputs that the model has, each once.
absl::Status CheckOutputs(const inference::ModelInferRequest& request, const ServedVersion& model);

// Fills in a response from a worker's answer, in the order that was asked for.
void FillResponse(const inference::ModelInferRequest& request, const ServedVersion& model,
                  const Frame& answer, inference::ModelInferResponse& response);

// What a model takes and gives.
void Describe(const ServedVersion& model, inference::ModelMetadataResponse& metadata);
void Describe(const ServedVersion& model, inference::ModelConfig& config);

}  // namespace trainyard::server

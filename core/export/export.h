// Trained weights as a file that other programs read.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>

#include "absl/status/status.h"
#include "core/data/scaling.h"
#include "core/nn/network.h"
#include "core/nn/parameters.h"

namespace trainyard {

enum class ExportFormat { kSafetensors, kOnnx, kNpz, kCsv };

// What is exported beside the weights. Refers to what it is made from.
struct ExportSource {
  const NetworkSpec& network;
  const Scaling& scaling;
  // Whether outputs stand for classes.
  bool classification = true;
  // Epochs that were done.
  int epoch = 0;
  // Kept where the format has a place for text, with facts about the network:
  // "layers", "activations", "loss", "input_scaling", "epoch".
  std::map<std::string, std::string> facts;
};

// Takes the bytes of a file one piece after another; an error ends the export.
using ByteSink = std::function<absl::Status(std::span<const std::uint8_t> bytes)>;

// Writes a file. The same arguments give the same bytes. safetensors.h, onnx.h,
// npz.h and weights_csv.h say what is in each. Errors: the sink's;
// FAILED_PRECONDITION where the weights are too many for the format.
template <typename T>
absl::Status Export(ExportFormat format, const ExportSource& source,
                    const Parameters<T>& parameters, const ByteSink& sink);

}  // namespace trainyard

// The named tensors that an export holds.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "core/export/export.h"

namespace trainyard {

// A tensor of float32 or float64, row-major, little-endian.
struct ExportTensor {
  std::string name;
  bool f64 = false;
  // One entry or two.
  std::vector<std::int64_t> shape;
  std::span<const std::uint8_t> bytes;
};

// The tensors of a source, in the order of the file:
//   input_offset, input_factor   F64 (inputs): a network sees
//                                (raw - input_offset) * input_factor
//   W1, b1, W2, b2, ...          (inputs, units) and (units) of each layer, in the
//                                job's precision; no b without biases
// Keeps the two vectors; refers to the weights.
class ExportTensors {
 public:
  template <typename T>
  ExportTensors(const ExportSource& source, const Parameters<T>& parameters);
  ExportTensors(const ExportTensors&) = delete;
  ExportTensors& operator=(const ExportTensors&) = delete;

  const std::vector<ExportTensor>& list() const { return list_; }

 private:
  std::vector<double> offset_;
  std::vector<double> factor_;
  std::vector<ExportTensor> list_;
};

// The source's facts, and those about its network.
std::map<std::string, std::string> FactsOf(const ExportSource& source);

}  // namespace trainyard

// An ONNX model being built: nodes, tensors, inputs and outputs, written by the
// field numbers of onnx.proto (IR version 7).
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/export/onnx_wire.h"

namespace trainyard {

// TensorProto.DataType.
enum class OnnxType { kFloat = 1, kInt64 = 7, kDouble = 11 };

// An integer attribute of a node.
struct OnnxAttribute {
  std::string name;
  std::int64_t value = 0;
};

// The graph of one model. Names are given by the caller; each is used once.
class OnnxGraph {
 public:
  // One node with one output, whose name is returned: `output`, or one of the
  // graph's choosing where that is empty.
  std::string Add(std::string_view op, const std::vector<std::string>& inputs,
                  const std::vector<OnnxAttribute>& attributes = {}, std::string output = {});
  // A constant; `bytes` must outlive the graph. Returns its name.
  std::string AddTensor(std::string name, OnnxType type, std::span<const std::int64_t> shape,
                        std::span<const std::uint8_t> bytes);
  // A constant of one number and no dimension.
  std::string AddScalar(OnnxType type, double value);
  // Of shape (batch, width), with any number of rows.
  void AddInput(const std::string& name, OnnxType type, std::int64_t width);
  void AddOutput(const std::string& name, OnnxType type, std::int64_t width);

  // The whole model, for the operator set `opset`.
  WireMessage Finish(int opset, int model_version,
                     const std::map<std::string, std::string>& facts) &&;

 private:
  WireMessage graph_;
  int names_ = 0;
};

}  // namespace trainyard

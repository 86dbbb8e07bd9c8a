#include "core/export/onnx_graph.h"

#include <array>
#include <bit>
#include <utility>

#include "core/base/text.h"

namespace trainyard {
namespace {

// Field numbers of onnx.proto.
namespace model {
constexpr int kIrVersion = 1;
constexpr int kProducerName = 2;
constexpr int kModelVersion = 5;
constexpr int kGraph = 7;
constexpr int kOpsetImport = 8;
constexpr int kMetadataProps = 14;
}  // namespace model
namespace graph {
constexpr int kNode = 1;
constexpr int kName = 2;
constexpr int kInitializer = 5;
constexpr int kInput = 11;
constexpr int kOutput = 12;
}  // namespace graph
namespace node {
constexpr int kInput = 1;
constexpr int kOutput = 2;
constexpr int kName = 3;
constexpr int kOpType = 4;
constexpr int kAttribute = 5;
}  // namespace node
namespace attribute {
constexpr int kName = 1;
constexpr int kInteger = 3;
constexpr int kType = 20;
constexpr int kTypeInteger = 2;
}  // namespace attribute
namespace tensor {
constexpr int kDims = 1;
constexpr int kDataType = 2;
constexpr int kName = 8;
constexpr int kRawData = 9;
}  // namespace tensor

constexpr std::uint64_t kIrVersion = 7;

// ValueInfoProto{name, type{tensor_type{elem_type, shape{dim...}}}}.
WireMessage ValueOf(const std::string& name, OnnxType type, std::int64_t width) {
  WireMessage batch;
  batch.Text(2, "batch");
  WireMessage columns;
  columns.Varint(1, static_cast<std::uint64_t>(width));
  WireMessage shape;
  shape.Message(1, std::move(batch)).Message(1, std::move(columns));
  WireMessage tensor_type;
  tensor_type.Varint(1, static_cast<std::uint64_t>(type)).Message(2, std::move(shape));
  WireMessage type_proto;
  type_proto.Message(1, std::move(tensor_type));
  WireMessage value;
  value.Text(1, name).Message(2, std::move(type_proto));
  return value;
}

std::string RawBytes(OnnxType type, double value) {
  const auto text = [](const auto& bytes) { return std::string(bytes.begin(), bytes.end()); };
  if (type == OnnxType::kDouble) {
    return text(std::bit_cast<std::array<char, sizeof(double)>>(value));
  }
  return text(std::bit_cast<std::array<char, sizeof(float)>>(static_cast<float>(value)));
}

}  // namespace

std::string OnnxGraph::Add(std::string_view op, const std::vector<std::string>& inputs,
                           const std::vector<OnnxAttribute>& attributes, std::string output) {
  if (output.empty()) output = StrCat("t", ++names_);
  WireMessage message;
  for (const std::string& input : inputs) message.Text(node::kInput, input);
  message.Text(node::kOutput, output).Text(node::kName, StrCat(op, "_", output));
  message.Text(node::kOpType, op);
  for (const OnnxAttribute& one : attributes) {
    WireMessage field;
    field.Text(attribute::kName, one.name);
    field.Varint(attribute::kInteger, static_cast<std::uint64_t>(one.value));
    field.Varint(attribute::kType, attribute::kTypeInteger);
    message.Message(node::kAttribute, std::move(field));
  }
  graph_.Message(graph::kNode, std::move(message));
  return output;
}

std::string OnnxGraph::AddTensor(std::string name, OnnxType type,
                                 std::span<const std::int64_t> shape,
                                 std::span<const std::uint8_t> bytes) {
  WireMessage message;
  for (const std::int64_t dim : shape)
    message.Varint(tensor::kDims, static_cast<std::uint64_t>(dim));
  message.Varint(tensor::kDataType, static_cast<std::uint64_t>(type));
  message.Text(tensor::kName, name).Borrowed(tensor::kRawData, bytes);
  graph_.Message(graph::kInitializer, std::move(message));
  return name;
}

std::string OnnxGraph::AddScalar(OnnxType type, double value) {
  std::string name = StrCat("c", ++names_);
  WireMessage message;
  message.Varint(tensor::kDataType, static_cast<std::uint64_t>(type));
  message.Text(tensor::kName, name).Text(tensor::kRawData, RawBytes(type, value));
  graph_.Message(graph::kInitializer, std::move(message));
  return name;
}

void OnnxGraph::AddInput(const std::string& name, OnnxType type, std::int64_t width) {
  graph_.Message(graph::kInput, ValueOf(name, type, width));
}

void OnnxGraph::AddOutput(const std::string& name, OnnxType type, std::int64_t width) {
  graph_.Message(graph::kOutput, ValueOf(name, type, width));
}

WireMessage OnnxGraph::Finish(int opset, int model_version,
                              const std::map<std::string, std::string>& facts) && {
  WireMessage message;
  message.Varint(model::kIrVersion, kIrVersion).Text(model::kProducerName, "trainyard");
  message.Varint(model::kModelVersion, static_cast<std::uint64_t>(model_version));
  graph_.Text(graph::kName, "network");
  message.Message(model::kGraph, std::move(graph_));
  WireMessage operators;
  operators.Text(1, "").Varint(2, static_cast<std::uint64_t>(opset));
  message.Message(model::kOpsetImport, std::move(operators));
  for (const auto& [key, value] : facts) {
    WireMessage entry;
    entry.Text(1, key).Text(2, value);
    message.Message(model::kMetadataProps, std::move(entry));
  }
  return message;
}

}  // namespace trainyard

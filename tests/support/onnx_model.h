// ONNX models as tests read and run them: just what is needed to say what a
// graph computes.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace trainyard::testing {

// One field of a message in protocol buffers' encoding.
struct WireField {
  int number = 0;
  std::uint64_t varint = 0;
  std::string_view bytes;
};

inline std::vector<WireField> FieldsOf(std::string_view message) {
  const auto varint = [&] {
    std::uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
      if (message.empty()) throw std::runtime_error("truncated");
      const auto byte = static_cast<std::uint8_t>(message.front());
      message.remove_prefix(1);
      value |= std::uint64_t{byte & 0x7fU} << shift;
      if (byte < 0x80) return value;
    }
  };
  std::vector<WireField> fields;
  while (!message.empty()) {
    const std::uint64_t key = varint();
    WireField field{static_cast<int>(key >> 3), 0, {}};
    if ((key & 7) == 0) {
      field.varint = varint();
    } else if ((key & 7) == 2) {
      const std::uint64_t size = varint();
      if (size > message.size()) throw std::runtime_error("truncated");
      field.bytes = message.substr(0, size);
      message.remove_prefix(size);
    } else {
      throw std::runtime_error("an encoding that no field here has");
    }
    fields.push_back(field);
  }
  return fields;
}

// The fields of a message with one number.
inline std::vector<WireField> FieldsOf(std::string_view message, int number) {
  std::vector<WireField> fields = FieldsOf(message);
  std::erase_if(fields, [&](const WireField& field) { return field.number != number; });
  return fields;
}

struct OnnxNode {
  std::string op;
  std::vector<std::string> inputs;
  std::string output;
  std::map<std::string, std::int64_t> attributes;
};

// A matrix; a vector is one row, a number 1 x 1.
struct OnnxValue {
  std::int64_t rows = 1;
  std::int64_t columns = 1;
  std::vector<double> values;
  double at(std::int64_t row, std::int64_t column) const {
    return values[static_cast<std::size_t>((rows == 1 ? 0 : row) * columns +
                                           (columns == 1 ? 0 : column))];
  }
};

struct OnnxModel {
  std::vector<OnnxNode> nodes;
  std::map<std::string, OnnxValue> constants;
  std::map<std::string, std::int64_t> inputs;
  std::map<std::string, std::int64_t> outputs;
  std::map<std::string, std::string> facts;
  std::int64_t opset = 0;
};

inline OnnxValue ParseTensor(std::string_view message, std::string& name) {
  OnnxValue value;
  std::vector<std::int64_t> dims;
  std::uint64_t type = 0;
  std::string_view raw;
  for (const WireField& field : FieldsOf(message)) {
    if (field.number == 1) dims.push_back(static_cast<std::int64_t>(field.varint));
    if (field.number == 2) type = field.varint;
    if (field.number == 8) name = field.bytes;
    if (field.number == 9) raw = field.bytes;
  }
  if (dims.size() == 2) value.rows = dims[0];
  if (!dims.empty()) value.columns = dims.back();
  const std::size_t size = type == 11 ? sizeof(double) : sizeof(float);
  for (std::size_t at = 0; at + size <= raw.size(); at += size) {
    float narrow = 0;
    double wide = 0;
    std::memcpy(type == 11 ? static_cast<void*>(&wide) : &narrow, raw.data() + at, size);
    value.values.push_back(type == 11 ? wide : double{narrow});
  }
  if (value.values.size() != static_cast<std::size_t>(value.rows * value.columns)) {
    throw std::runtime_error("a tensor's size is not that of its shape");
  }
  return value;
}

inline OnnxNode ParseNode(std::string_view message) {
  OnnxNode node;
  for (const WireField& field : FieldsOf(message)) {
    if (field.number == 1) node.inputs.emplace_back(field.bytes);
    if (field.number == 2) node.output = field.bytes;
    if (field.number == 4) node.op = field.bytes;
    if (field.number == 5) {
      const std::string name(FieldsOf(field.bytes, 1).at(0).bytes);
      node.attributes[name] = static_cast<std::int64_t>(FieldsOf(field.bytes, 3).at(0).varint);
    }
  }
  return node;
}

inline OnnxModel ParseOnnx(std::string_view bytes) {
  OnnxModel model;
  model.opset = static_cast<std::int64_t>(FieldsOf(FieldsOf(bytes, 8).at(0).bytes, 2).at(0).varint);
  for (const WireField& field : FieldsOf(bytes, 14)) {
    model.facts[std::string(FieldsOf(field.bytes, 1).at(0).bytes)] =
        FieldsOf(field.bytes, 2).at(0).bytes;
  }
  for (const WireField& field : FieldsOf(FieldsOf(bytes, 7).at(0).bytes)) {
    if (field.number == 1) model.nodes.push_back(ParseNode(field.bytes));
    if (field.number == 5) {
      std::string name;
      OnnxValue value = ParseTensor(field.bytes, name);
      model.constants[name] = std::move(value);
    }
    if (field.number == 11 || field.number == 12) {
      const auto type = FieldsOf(FieldsOf(field.bytes, 2).at(0).bytes, 1).at(0);
      auto& values = field.number == 11 ? model.inputs : model.outputs;
      values[std::string(FieldsOf(field.bytes, 1).at(0).bytes)] =
          static_cast<std::int64_t>(FieldsOf(type.bytes, 1).at(0).varint);
    }
  }
  return model;
}

template <typename Function>
OnnxValue Elementwise(const OnnxValue& a, const OnnxValue& b, Function function) {
  OnnxValue result{std::max(a.rows, b.rows), std::max(a.columns, b.columns), {}};
  for (std::int64_t row = 0; row < result.rows; ++row) {
    for (std::int64_t column = 0; column < result.columns; ++column) {
      result.values.push_back(function(a.at(row, column), b.at(row, column)));
    }
  }
  return result;
}

inline OnnxValue Product(const OnnxValue& a, const OnnxValue& w, const OnnxValue* b) {
  OnnxValue result{a.rows, w.columns, {}};
  for (std::int64_t row = 0; row < a.rows; ++row) {
    for (std::int64_t column = 0; column < w.columns; ++column) {
      double sum = b == nullptr ? 0 : b->at(0, column);
      for (std::int64_t i = 0; i < w.rows; ++i) sum += a.at(row, i) * w.at(i, column);
      result.values.push_back(sum);
    }
  }
  return result;
}

inline OnnxValue Softmax(OnnxValue value) {
  for (std::int64_t row = 0; row < value.rows; ++row) {
    double* const begin = value.values.data() + row * value.columns;
    const double most = *std::max_element(begin, begin + value.columns);
    double sum = 0;
    for (std::int64_t i = 0; i < value.columns; ++i) sum += begin[i] = std::exp(begin[i] - most);
    for (std::int64_t i = 0; i < value.columns; ++i) begin[i] /= sum;
  }
  return value;
}

inline OnnxValue ArgMax(const OnnxValue& value) {
  OnnxValue result{value.rows, 1, {}};
  for (std::int64_t row = 0; row < value.rows; ++row) {
    const double* const begin = value.values.data() + row * value.columns;
    result.values.push_back(
        static_cast<double>(std::max_element(begin, begin + value.columns) - begin));
  }
  return result;
}

inline OnnxValue RunNode(const OnnxNode& node, const std::vector<OnnxValue>& in) {
  const std::map<std::string, double (*)(double)> unary = {
      {"Sigmoid", [](double x) { return 1 / (1 + std::exp(-x)); }},
      {"Relu", [](double x) { return std::max(x, 0.0); }},
      {"Tanh", [](double x) { return std::tanh(x); }},
      {"Identity", [](double x) { return x; }},
      {"Cast", [](double x) { return x; }},
      {"Abs", [](double x) { return std::abs(x); }},
      {"Neg", [](double x) { return -x; }},
      {"Exp", [](double x) { return std::exp(x); }},
      {"Log", [](double x) { return std::log(x); }}};
  const std::map<std::string, double (*)(double, double)> binary = {
      {"Add", [](double x, double y) { return x + y; }},
      {"Sub", [](double x, double y) { return x - y; }},
      {"Mul", [](double x, double y) { return x * y; }},
      {"Div", [](double x, double y) { return x / y; }},
      {"Max", [](double x, double y) { return std::max(x, y); }},
      {"Greater", [](double x, double y) { return x > y ? 1.0 : 0.0; }},
      {"GreaterOrEqual", [](double x, double y) { return x >= y ? 1.0 : 0.0; }}};
  if (const auto found = unary.find(node.op); found != unary.end()) {
    return Elementwise(in.at(0), in.at(0), [&](double x, double) { return found->second(x); });
  }
  if (const auto found = binary.find(node.op); found != binary.end()) {
    return Elementwise(in.at(0), in.at(1), found->second);
  }
  if (node.op == "MatMul") return Product(in.at(0), in.at(1), nullptr);
  if (node.op == "Gemm") return Product(in.at(0), in.at(1), &in.at(2));
  if (node.op == "Softmax") return Softmax(in.at(0));
  if (node.op == "ArgMax") return ArgMax(in.at(0));
  throw std::runtime_error("an operator that no export has: " + node.op);
}

// All values by name, in float64.
inline std::map<std::string, OnnxValue> Run(const OnnxModel& model, OnnxValue input) {
  std::map<std::string, OnnxValue> values = model.constants;
  values["input"] = std::move(input);
  for (const OnnxNode& node : model.nodes) {
    std::vector<OnnxValue> inputs;
    for (const std::string& name : node.inputs) inputs.push_back(values.at(name));
    values[node.output] = RunNode(node, inputs);
  }
  return values;
}

}  // namespace trainyard::testing

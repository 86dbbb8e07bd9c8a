#include "core/export/onnx.h"

#include <cmath>
#include <limits>
#include <numbers>
#include <utility>

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/export/onnx_graph.h"
#include "core/export/tensors.h"

namespace trainyard {
namespace {

template <typename T>
constexpr OnnxType kTypeOf = sizeof(T) == sizeof(double) ? OnnxType::kDouble : OnnxType::kFloat;

template <typename T>
std::span<const std::uint8_t> BytesOf(std::span<const T> values) {
  return {reinterpret_cast<const std::uint8_t*>(values.data()), values.size_bytes()};
}

OnnxAttribute CastTo(OnnxType type) { return {"to", static_cast<std::int64_t>(type)}; }

// Adds what a network does to a graph. Each step takes the name of a value and
// returns that of the next.
template <typename T>
class OnnxNetwork {
 public:
  OnnxNetwork(OnnxGraph& graph, const ExportSource& source, const Parameters<T>& parameters)
      : graph_(graph), source_(source), parameters_(parameters) {}

  std::string Scale(std::string raw) {
    const Scaling& scaling = source_.scaling;
    if (scaling.kind == ScalingKind::kNone) return raw;
    if (scaling.kind == ScalingKind::kDivideBy255) {
      return graph_.Add("Div", {raw, Constant(255)});
    }
    constexpr bool narrow = kTypeOf<T> != OnnxType::kDouble;
    if (narrow) raw = graph_.Add("Cast", {raw}, {CastTo(OnnxType::kDouble)});
    const std::vector<std::int64_t> shape = {source_.network.inputs};
    const auto vector = [&](const char* name, const std::vector<double>& values) {
      return graph_.AddTensor(name, OnnxType::kDouble, shape,
                              BytesOf(std::span<const double>(values)));
    };
    const std::string centred = graph_.Add("Sub", {raw, vector("input_offset", scaling.offset)});
    const std::string scaled = graph_.Add("Mul", {centred, vector("input_factor", scaling.factor)});
    return narrow ? graph_.Add("Cast", {scaled}, {CastTo(kTypeOf<T>)}) : scaled;
  }

  // n = a W + b.
  std::string Sum(int layer, const std::string& a) {
    const LayerShape& shape = parameters_.shape(layer);
    const std::vector<std::int64_t> dims = {shape.inputs, shape.units};
    const std::string w = graph_.AddTensor(StrCat("W", layer + 1), kTypeOf<T>, dims,
                                           BytesOf(parameters_.weights(layer)));
    if (shape.biases == 0) return graph_.Add("MatMul", {a, w});
    const std::vector<std::int64_t> width = {shape.biases};
    const std::string b = graph_.AddTensor(StrCat("b", layer + 1), kTypeOf<T>, width,
                                           BytesOf(parameters_.biases(layer)));
    return graph_.Add("Gemm", {a, w, b});
  }

  // Of operators that runtimes have for both precisions. The result is `output`
  // where that is not empty.
  std::string Activate(Activation activation, const std::string& n, const std::string& output) {
    switch (activation) {
      case Activation::kSigmoid:
        return graph_.Add("Sigmoid", {n}, {}, output);
      case Activation::kRelu:
        return graph_.Add("Relu", {n}, {}, output);
      case Activation::kTanh:
        return graph_.Add("Tanh", {n}, {}, output);
      case Activation::kSoftmax:
        return graph_.Add("Softmax", {n}, {{"axis", 1}}, output);
      case Activation::kStep: {
        const std::string above = graph_.Add("GreaterOrEqual", {n, Constant(0)});
        return graph_.Add("Cast", {above}, {CastTo(kTypeOf<T>)}, output);
      }
      case Activation::kLeakyRelu:
        return graph_.Add("Max", {n, graph_.Add("Mul", {n, Constant(kLeakySlope)})}, {}, output);
      case Activation::kGelu:
        return Gelu(n, output);
      case Activation::kSoftplus:
        return Softplus(n, output);
      case Activation::kLinear:
        break;
    }
    return graph_.Add("Identity", {n}, {}, output);
  }

  void AddClass(const std::string& output) {
    if (source_.network.outputs() > 1) {
      graph_.Add("ArgMax", {output}, {{"axis", 1}, {"keepdims", 1}}, "class");
      return;
    }
    const bool tanh = source_.network.layers.back().activation == Activation::kTanh;
    const std::string above = graph_.Add("Greater", {output, Constant(tanh ? 0 : 0.5)});
    graph_.Add("Cast", {above}, {CastTo(OnnxType::kInt64)}, "class");
  }

 private:
  std::string Constant(double value) { return graph_.AddScalar(kTypeOf<T>, value); }

  // n (1 + tanh(sqrt(2 / pi) n (1 + 0.044715 n^2))) / 2
  std::string Gelu(const std::string& n, const std::string& output) {
    const std::string square = graph_.Add("Mul", {n, n});
    const std::string cubic = graph_.Add("Mul", {square, Constant(0.044715)});
    const std::string factor = graph_.Add("Add", {cubic, Constant(1)});
    const std::string product = graph_.Add("Mul", {n, factor});
    const std::string u = graph_.Add("Mul", {product, Constant(std::sqrt(2 / std::numbers::pi))});
    const std::string tanh = graph_.Add("Add", {graph_.Add("Tanh", {u}), Constant(1)});
    const std::string half = graph_.Add("Mul", {n, Constant(0.5)});
    return graph_.Add("Mul", {half, tanh}, {}, output);
  }

  // max(n, 0) + ln(1 + e^-|n|), which cannot overflow.
  std::string Softplus(const std::string& n, const std::string& output) {
    const std::string minus = graph_.Add("Neg", {graph_.Add("Abs", {n})});
    const std::string sum = graph_.Add("Add", {graph_.Add("Exp", {minus}), Constant(1)});
    const std::string positive = graph_.Add("Max", {n, Constant(0)});
    return graph_.Add("Add", {positive, graph_.Add("Log", {sum})}, {}, output);
  }

  OnnxGraph& graph_;
  const ExportSource& source_;
  const Parameters<T>& parameters_;
};

}  // namespace

template <typename T>
absl::Status WriteOnnx(const ExportSource& source, const Parameters<T>& parameters,
                       const ByteSink& sink) {
  OnnxGraph graph;
  OnnxNetwork<T> network(graph, source, parameters);
  graph.AddInput("input", kTypeOf<T>, source.network.inputs);
  std::string value = network.Scale("input");
  const int last = parameters.layer_count() - 1;
  for (int layer = 0; layer <= last; ++layer) {
    const std::string sum = network.Sum(layer, value);
    value = network.Activate(source.network.layers[static_cast<std::size_t>(layer)].activation, sum,
                             layer == last ? "output" : "");
  }
  graph.AddOutput("output", kTypeOf<T>, source.network.outputs());
  if (source.classification) {
    network.AddClass("output");
    graph.AddOutput("class", OnnxType::kInt64, 1);
  }
  const WireMessage model = std::move(graph).Finish(kOnnxOpset, source.epoch, FactsOf(source));
  if (model.size() > std::numeric_limits<std::int32_t>::max()) {
    return MakeError(absl::StatusCode::kFailedPrecondition, {"TOO_LARGE_FOR_FORMAT", "format", {}},
                     "the weights are too many for one ONNX file; export them as safetensors");
  }
  return model.WriteTo(sink);
}

template absl::Status WriteOnnx(const ExportSource&, const Parameters<float>&, const ByteSink&);
template absl::Status WriteOnnx(const ExportSource&, const Parameters<double>&, const ByteSink&);

}  // namespace trainyard

#include "core/export/export.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <charconv>
#include <cstring>
#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/data/npy.h"
#include "core/eval/evaluation.h"
#include "core/export/onnx_wire.h"
#include "tests/support/onnx_model.h"

namespace trainyard {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

NetworkSpec Small(bool bias = true) {
  NetworkSpec network;
  network.inputs = 3;
  network.layers = {{4, Activation::kTanh}, {2, Activation::kSigmoid}};
  network.bias = bias;
  return network;
}

// Biases are drawn as 0: these are not.
template <typename T>
Parameters<T> Weights(const NetworkSpec& network) {
  Parameters<T> parameters = DrawParameters<T>(network);
  for (std::size_t i = 0; i < parameters.values().size(); ++i) {
    parameters.values()[i] += static_cast<T>(0.125 * static_cast<double>(i % 3));
  }
  return parameters;
}

template <typename T>
std::string Exported(ExportFormat format, const ExportSource& source,
                     const Parameters<T>& parameters) {
  std::string file;
  const auto status = Export(format, source, parameters, [&](std::span<const std::uint8_t> bytes) {
    file.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return absl::OkStatus();
  });
  EXPECT_TRUE(status.ok()) << status;
  return file;
}

template <typename T>
std::vector<T> NumbersOf(std::string_view bytes) {
  std::vector<T> numbers(bytes.size() / sizeof(T));
  std::memcpy(numbers.data(), bytes.data(), numbers.size() * sizeof(T));
  return numbers;
}

template <typename T>
std::vector<T> Copy(std::span<const T> values) {
  return {values.begin(), values.end()};
}

template <typename T>
class ExportTest : public ::testing::Test {};
using Precisions = ::testing::Types<float, double>;
TYPED_TEST_SUITE(ExportTest, Precisions);

TYPED_TEST(ExportTest, SafetensorsHasTheTensorsAndTheFacts) {
  const NetworkSpec network = Small();
  const auto weights = Weights<TypeParam>(network);
  const Scaling scaling{ScalingKind::kStandard, {1, 2, 3}, {4, 5, 6}};
  const std::string file =
      Exported(ExportFormat::kSafetensors, {network, scaling, true, 7, {{"job", "users/u/jobs/j"}}},
               weights);
  const std::uint64_t length = NumbersOf<std::uint64_t>(file.substr(0, 8))[0];
  EXPECT_EQ(length % 8, 0);
  const auto header = nlohmann::json::parse(file.substr(8, length));
  const std::string data = file.substr(8 + length);
  const auto tensor = [&](const std::string& name) {
    const auto& place = header.at(name).at("data_offsets");
    return data.substr(place[0],
                       place[1].template get<std::size_t>() - place[0].template get<std::size_t>());
  };
  EXPECT_EQ(header.at("W1").at("shape"), nlohmann::json({3, 4}));
  EXPECT_EQ(header.at("b2").at("shape"), nlohmann::json({2}));
  EXPECT_EQ(header.at("W1").at("dtype"), sizeof(TypeParam) == 8 ? "F64" : "F32");
  EXPECT_EQ(NumbersOf<TypeParam>(tensor("W1")), Copy(weights.weights(0)));
  EXPECT_EQ(NumbersOf<TypeParam>(tensor("b1")), Copy(weights.biases(0)));
  EXPECT_EQ(NumbersOf<TypeParam>(tensor("W2")), Copy(weights.weights(1)));
  EXPECT_EQ(NumbersOf<TypeParam>(tensor("b2")), Copy(weights.biases(1)));
  EXPECT_EQ(NumbersOf<double>(tensor("input_offset")), scaling.offset);
  EXPECT_EQ(NumbersOf<double>(tensor("input_factor")), scaling.factor);
  const std::map<std::string, std::string> facts = header.at("__metadata__");
  EXPECT_THAT(facts, UnorderedElementsAre(Pair("job", "users/u/jobs/j"), Pair("layers", "3,4,2"),
                                          Pair("activations", "tanh,sigmoid"), Pair("loss", "tse"),
                                          Pair("input_scaling", "standard"), Pair("epoch", "7")));
}

// The members of a zip archive, by its directory; each member's checksum holds.
std::map<std::string, std::string> Unzip(const std::string& file) {
  const auto u16 = [&](std::size_t at) { return NumbersOf<std::uint16_t>(file.substr(at, 2))[0]; };
  const auto u32 = [&](std::size_t at) { return NumbersOf<std::uint32_t>(file.substr(at, 4))[0]; };
  const std::size_t end = file.size() - 22;
  EXPECT_EQ(u32(end), 0x06054b50);
  std::map<std::string, std::string> members;
  std::size_t at = u32(end + 16);
  EXPECT_EQ(at + u32(end + 12), end);
  for (int i = 0; i < u16(end + 10); ++i) {
    EXPECT_EQ(u32(at), 0x02014b50);
    const std::string name = file.substr(at + 46, u16(at + 28));
    const std::size_t local = u32(at + 42);
    EXPECT_EQ(u32(local), 0x04034b50);
    EXPECT_EQ(file.substr(local + 6, 24), file.substr(at + 8, 24)) << "what both say of " << name;
    EXPECT_EQ(file.substr(local + 30, name.size()), name);
    const std::string data = file.substr(local + 30 + name.size(), u32(at + 20));
    EXPECT_EQ(::crc32_z(0, reinterpret_cast<const Bytef*>(data.data()), data.size()), u32(at + 16));
    members[name] = data;
    at += 46 + name.size();
  }
  return members;
}

template <typename T>
std::vector<T> ArrayOf(const std::string& npy, std::vector<std::int64_t> shape) {
  const auto header = ParseNpyHeader(
      {reinterpret_cast<const std::uint8_t*>(npy.data()), std::size_t{kNpyHeaderBytes}});
  EXPECT_TRUE(header.ok()) << header.status();
  EXPECT_EQ(header->shape, shape);
  EXPECT_EQ(header->descr(), sizeof(T) == 8 ? "<f8" : "<f4");
  return NumbersOf<T>(npy.substr(static_cast<std::size_t>(header->data_offset)));
}

TYPED_TEST(ExportTest, NpzHasAnArrayForEachTensor) {
  const NetworkSpec network = Small();
  const auto weights = Weights<TypeParam>(network);
  const Scaling scaling{ScalingKind::kDivideBy255, {}, {}};
  const auto members =
      Unzip(Exported(ExportFormat::kNpz, {network, scaling, true, 0, {}}, weights));
  EXPECT_EQ(members.size(), 7);
  EXPECT_EQ(ArrayOf<TypeParam>(members.at("W1.npy"), {3, 4}), Copy(weights.weights(0)));
  EXPECT_EQ(ArrayOf<TypeParam>(members.at("b1.npy"), {4}), Copy(weights.biases(0)));
  EXPECT_EQ(ArrayOf<TypeParam>(members.at("W2.npy"), {4, 2}), Copy(weights.weights(1)));
  EXPECT_EQ(ArrayOf<TypeParam>(members.at("b2.npy"), {2}), Copy(weights.biases(1)));
  EXPECT_THAT(ArrayOf<double>(members.at("input_offset.npy"), {3}), ElementsAre(0, 0, 0));
  EXPECT_THAT(ArrayOf<double>(members.at("input_factor.npy"), {3}),
              ElementsAre(1.0 / 255, 1.0 / 255, 1.0 / 255));
  EXPECT_EQ(members.at("activations.npy").substr(kNpyHeaderBytes),
            std::string("tanh\0\0\0sigmoid", 14));
}

TYPED_TEST(ExportTest, CsvReadsBackToTheSameBits) {
  const NetworkSpec network = Small(false);
  const auto weights = Weights<TypeParam>(network);
  const Scaling scaling;
  const std::string file = Exported(ExportFormat::kCsv, {network, scaling, true, 0, {}}, weights);
  std::vector<std::string> rows;
  std::vector<TypeParam> values;
  for (const std::string_view line : Split(file, '\n')) {
    const auto fields = Split(line, ',');
    if (fields.size() < 2 || fields[0].starts_with("input")) continue;
    rows.push_back(StrCat(fields[0], " ", fields[1]));
    for (std::size_t i = 2; i < fields.size(); ++i) {
      TypeParam value = 0;
      std::from_chars(fields[i].begin(), fields[i].end(), value);
      values.push_back(value);
    }
  }
  EXPECT_THAT(rows, ElementsAre("W1 0", "W1 1", "W1 2", "W2 0", "W2 1", "W2 2", "W2 3"));
  EXPECT_EQ(values, Copy(std::as_const(weights).values()));
  EXPECT_THAT(file, HasSubstr("input_offset,0,0,0,0\ninput_factor,0,1,1,1\n"));
}

struct OnnxCase {
  std::vector<LayerSpec> layers;
  bool bias = true;
  Scaling scaling;
  bool classification = true;
};

// What a graph computes is what we compute, for all that a network may be.
template <typename T>
void ExpectSameOutputs(const OnnxCase& one) {
  NetworkSpec network;
  network.inputs = 3;
  network.layers = one.layers;
  network.bias = one.bias;
  if (one.layers.back().activation == Activation::kSoftmax) network.loss = Loss::kCrossEntropy;
  const auto weights = Weights<T>(network);
  const std::vector<float> raw = {0, 12.5F, 255, -1, 0.25F, 3, 9, -8, 1};
  const auto model = ::trainyard::testing::ParseOnnx(
      Exported(ExportFormat::kOnnx, {network, one.scaling, one.classification, 3, {}}, weights));
  EXPECT_EQ(model.opset, 13);
  EXPECT_EQ(model.facts.at("epoch"), "3");
  const auto values =
      ::trainyard::testing::Run(model, {3, 3, std::vector<double>(raw.begin(), raw.end())});
  const auto expected = Forward(network, weights, one.scaling, std::span(raw), 3);
  const auto& output = values.at("output").values;
  ASSERT_EQ(output.size(), expected.size());
  for (std::size_t i = 0; i < output.size(); ++i) {
    EXPECT_NEAR(output[i], static_cast<double>(expected[i]),
                (sizeof(T) == 8 ? 1e-13 : 2e-6) * std::max(1.0, std::abs(output[i])));
  }
  const std::int64_t type = sizeof(T) == 8 ? 11 : 1;
  EXPECT_THAT(model.inputs, ElementsAre(Pair("input", type)));
  if (!one.classification) {
    EXPECT_THAT(model.outputs, ElementsAre(Pair("output", type)));
    return;
  }
  EXPECT_THAT(model.outputs, UnorderedElementsAre(Pair("output", type), Pair("class", 7)));
  const auto width = static_cast<std::size_t>(network.outputs());
  for (std::size_t row = 0; row < 3; ++row) {
    EXPECT_EQ(values.at("class").values[row],
              PredictedClass<T>(network, std::span(expected).subspan(row * width, width)));
  }
}

TYPED_TEST(ExportTest, OnnxComputesWhatTheNetworkDoes) {
  for (const Activation hidden :
       {Activation::kSigmoid, Activation::kRelu, Activation::kTanh, Activation::kLinear,
        Activation::kStep, Activation::kLeakyRelu, Activation::kGelu, Activation::kSoftplus}) {
    SCOPED_TRACE(NameOf(hidden));
    ExpectSameOutputs<TypeParam>({{{4, hidden}, {2, Activation::kSoftmax}}, true, {}, true});
    ExpectSameOutputs<TypeParam>({{{4, hidden}, {2, hidden}}, false, {}, false});
  }
  for (const Activation output : {Activation::kSigmoid, Activation::kTanh}) {
    ExpectSameOutputs<TypeParam>({{{1, output}}, true, {}, true});
  }
  const Scaling bytes{ScalingKind::kDivideBy255, {}, {}};
  ExpectSameOutputs<TypeParam>({{{2, Activation::kSigmoid}}, true, bytes, true});
  const Scaling standard{ScalingKind::kStandard, {0.1, 30, 200.5}, {3, 0.01, 1.0 / 3}};
  ExpectSameOutputs<TypeParam>({{{2, Activation::kSigmoid}}, true, standard, true});
}

TYPED_TEST(ExportTest, TheSinksErrorEndsAnExport) {
  const NetworkSpec network = Small();
  const auto weights = Weights<TypeParam>(network);
  for (const ExportFormat format :
       {ExportFormat::kSafetensors, ExportFormat::kOnnx, ExportFormat::kNpz, ExportFormat::kCsv}) {
    int calls = 0;
    const auto status = Export(
        format, {network, Scaling{}, true, 0, {}}, weights, [&](std::span<const std::uint8_t>) {
          return ++calls == 2 ? absl::AbortedError("enough") : absl::OkStatus();
        });
    EXPECT_TRUE(absl::IsAborted(status)) << status;
    EXPECT_EQ(calls, 2);
  }
}

TEST(OnnxWireTest, NumbersHaveSevenBitsAByteAndMessagesTheirLength) {
  WireMessage inner;
  inner.Varint(1, 300).Text(2, "ab");
  WireMessage outer;
  outer.Message(3, std::move(inner)).Varint(16, 0);
  std::string bytes;
  ASSERT_TRUE(outer
                  .WriteTo([&](std::span<const std::uint8_t> piece) {
                    bytes.append(piece.begin(), piece.end());
                    return absl::OkStatus();
                  })
                  .ok());
  EXPECT_EQ(bytes, std::string("\x1a\x07\x08\xac\x02\x12\x02"
                               "ab\x80\x01\x00",
                               12));
  EXPECT_EQ(outer.size(), bytes.size());
}

}  // namespace
}  // namespace trainyard

#include "client/lib/weights_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <cstring>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "tests/support/temp_folder.h"

namespace trainyard::client {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// What a safetensors file or an archive is made of.
template <typename T>
std::string BytesOf(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

std::string U16(std::size_t value) {
  return BytesOf<std::uint16_t>({static_cast<std::uint16_t>(value)});
}
std::string U32(std::size_t value) {
  return BytesOf<std::uint32_t>({static_cast<std::uint32_t>(value)});
}

std::string Npy(const std::string& descr, const std::string& shape, const std::string& data,
                bool fortran = false) {
  const std::string header =
      absl::StrCat("{'descr': '", descr, "', 'fortran_order': ", fortran ? "True" : "False",
                   ", 'shape': ", shape, ", }\n");
  return absl::StrCat("\x93NUMPY", std::string("\x01\x00", 2), U16(header.size()), header, data);
}

std::string Deflated(const std::string& content) {
  z_stream stream{};
  ::deflateInit2(&stream, 9, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  std::string out(content.size() + 100, '\0');
  stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(content.data()));
  stream.avail_in = static_cast<uInt>(content.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(::deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  ::deflateEnd(&stream);
  return out;
}

std::string Archive(const std::map<std::string, std::string>& members, bool compressed = false) {
  std::string file;
  std::string directory;
  for (const auto& [name, content] : members) {
    const std::string stored = compressed ? Deflated(content) : content;
    const auto crc = ::crc32_z(0, reinterpret_cast<const Bytef*>(content.data()), content.size());
    const std::string what =
        absl::StrCat(U16(0), U16(compressed ? 8 : 0), U32(0), U32(crc), U32(stored.size()),
                     U32(content.size()), U16(name.size()), U16(0));
    absl::StrAppend(&directory, "PK\x01\x02", U16(20), U16(20), what, U16(0), U16(0), U16(0),
                    U32(0), U32(file.size()), name);
    absl::StrAppend(&file, "PK\x03\x04", U16(20), what, name, stored);
  }
  const std::size_t at = file.size();
  return absl::StrCat(file, directory, "PK\x05\x06", U16(0), U16(0), U16(members.size()),
                      U16(members.size()), U32(directory.size()), U32(at), U16(0));
}

class WeightsFileTest : public ::testing::Test {
 protected:
  // 2-1-1.
  static v1::NetworkSpec Network(bool bias) {
    v1::NetworkSpec spec;
    spec.set_input_count(2);
    spec.add_layers()->set_units(1);
    spec.add_layers()->set_units(1);
    spec.set_bias(bias);
    return spec;
  }

  absl::StatusOr<v1::WeightsInitializer> Read(const std::string& content, bool bias = true) {
    const auto file = folder_.path() / "weights";
    std::ofstream(file, std::ios::binary) << content;
    return ReadWeights(file, Network(bias));
  }
  std::string Message(const std::string& content, bool bias = true) {
    const auto status = Read(content, bias).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
    return std::string(status.message());
  }

  static std::map<std::string, std::string> Good() {
    return {{"W1.npy", Npy("<f4", "(2, 1)", BytesOf<float>({0.1F, -2}))},
            {"b1.npy", Npy("<f8", "(1,)", BytesOf<double>({0.1}))},
            {"W2.npy", Npy("<f8", "(1, 1)", BytesOf<double>({4}))},
            {"b2.npy", Npy("<f8", "(1,)", BytesOf<double>({5}))},
            {"input_offset.npy", "passed over"}};
  }
  static std::map<std::string, std::string> With(const std::string& name, const std::string& npy) {
    auto members = Good();
    members[name] = npy;
    return members;
  }

  TempFolder folder_;
};

TEST_F(WeightsFileTest, AnArchiveIsReadStoredAndCompressed) {
  for (const bool compressed : {false, true}) {
    const auto weights = Read(Archive(Good(), compressed));
    ASSERT_TRUE(weights.ok()) << weights.status();
    ASSERT_EQ(weights->layers_size(), 2);
    EXPECT_THAT(weights->layers(0).weights(), ElementsAre(double{0.1F}, -2));
    EXPECT_THAT(weights->layers(0).biases(), ElementsAre(0.1));
    EXPECT_THAT(weights->layers(1).weights(), ElementsAre(4));
    EXPECT_THAT(weights->layers(1).biases(), ElementsAre(5));
  }
}

TEST_F(WeightsFileTest, ANetworkWithoutBiasesTakesNone) {
  auto members = Good();
  members.erase("b1.npy");
  members.erase("b2.npy");
  EXPECT_TRUE(Read(Archive(members), false).ok());
  EXPECT_THAT(Message(Archive(members)), HasSubstr("no tensor b1"));
  EXPECT_THAT(Message(Archive(Good()), false), HasSubstr("tensor b1 of shape [1] has no place"));
}

TEST_F(WeightsFileTest, FortransOrderIsTurned) {
  v1::NetworkSpec spec;
  spec.set_input_count(2);
  spec.add_layers()->set_units(3);
  spec.set_bias(false);
  const auto file = folder_.path() / "w.npz";
  std::ofstream(file, std::ios::binary)
      << Archive({{"W1.npy", Npy("<f8", "(2, 3)", BytesOf<double>({1, 4, 2, 5, 3, 6}), true)}});
  const auto weights = ReadWeights(file, spec);
  ASSERT_TRUE(weights.ok()) << weights.status();
  EXPECT_THAT(weights->layers(0).weights(), ElementsAre(1, 2, 3, 4, 5, 6));
}

TEST_F(WeightsFileTest, WhatDoesNotFitIsNamedWithItsShape) {
  EXPECT_THAT(Message(Archive(With("W1.npy", Npy("<f8", "(1, 2)", BytesOf<double>({1, 2}))))),
              HasSubstr("tensor W1 has shape [1, 2]; the network needs [2, 1]"));
  EXPECT_THAT(Message(Archive(With("W3.npy", Npy("<f8", "(1, 1)", BytesOf<double>({1}))))),
              HasSubstr("W3 of shape [1, 1] has no place"));
  EXPECT_THAT(Message(Archive(With("b2.npy", Npy("<i8", "(1,)", BytesOf<double>({1}))))),
              HasSubstr("b2 is neither float32 nor float64"));
  EXPECT_THAT(Message(Archive(With("b2.npy", Npy("<f8", "(2,)", BytesOf<double>({1}))))),
              HasSubstr("b2 does not have the size"));
  EXPECT_THAT(Message(Archive(With("b2.npy", Npy("<f8", "()", BytesOf<double>({1}))))),
              HasSubstr("b2 is neither a matrix nor a vector"));
  EXPECT_THAT(Message(Archive(With("b2.npy", "no array"))), HasSubstr("b2"));
}

TEST_F(WeightsFileTest, ADamagedArchiveIsAnError) {
  const std::string good = Archive(Good());
  for (std::size_t size = 4; size < good.size(); size += 3) {
    EXPECT_FALSE(Read(good.substr(0, size)).ok()) << size;
  }
  std::string flipped = good;
  flipped[good.find("\x93NUMPY") + 9] ^= 1;
  EXPECT_THAT(Message(flipped), HasSubstr("is damaged"));
  // No flip may do more than give an error.
  for (std::size_t i = 4; i < good.size(); ++i) {
    std::string other = good;
    other[i] = static_cast<char>(other[i] ^ 0x81);
    (void)Read(other);
  }
}

TEST_F(WeightsFileTest, SafetensorsAreTakenTheSameWay) {
  const std::string json = R"({"W1":{"dtype":"F64","shape":[2,1],"data_offsets":[0,16]},)"
                           R"("W2":{"dtype":"F64","shape":[1,1],"data_offsets":[16,24]}})";
  const std::string file =
      absl::StrCat(BytesOf<std::uint64_t>({json.size()}), json, BytesOf<double>({1, 2, 3}));
  const auto weights = Read(file, false);
  ASSERT_TRUE(weights.ok()) << weights.status();
  EXPECT_THAT(weights->layers(0).weights(), ElementsAre(1, 2));
  EXPECT_THAT(Message(file), HasSubstr("no tensor b1; the network needs it of shape [1]"));
}

}  // namespace
}  // namespace trainyard::client

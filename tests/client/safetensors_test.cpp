#include "client/lib/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>

#include "tests/support/temp_folder.h"

namespace trainyard::client {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class SafetensorsTest : public ::testing::Test {
 protected:
  // The length, the JSON, and the bytes of some numbers.
  template <typename T>
  absl::StatusOr<WeightTensors> Read(const std::string& json, const std::vector<T>& values) {
    const std::uint64_t length = json.size();
    std::string content(sizeof(length), '\0');
    std::memcpy(content.data(), &length, sizeof(length));
    content += json;
    content.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
    return ReadText(content);
  }

  absl::StatusOr<WeightTensors> ReadText(const std::string& content) {
    const auto file = folder_.path() / "weights.safetensors";
    std::ofstream(file, std::ios::binary) << content;
    return ReadSafetensors(file);
  }

  TempFolder folder_;
};

TEST_F(SafetensorsTest, WeightsAreReadAndOtherTensorsArePassedOver) {
  const auto weights = Read<double>(R"({"W2":{"dtype":"F64","shape":[1,1],"data_offsets":[32,40]},)"
                                    R"("other":{"dtype":"I64","shape":[1],"data_offsets":[24,32]},)"
                                    R"("b1":{"dtype":"F64","shape":[1],"data_offsets":[16,24]},)"
                                    R"("W1":{"dtype":"F64","shape":[2,1],"data_offsets":[0,16]}})",
                                    {1, 2, 3, 4, 5});
  ASSERT_TRUE(weights.ok()) << weights.status();
  ASSERT_EQ(weights->size(), 3);
  EXPECT_THAT(weights->at("W1").values, ElementsAre(1, 2));
  EXPECT_THAT(weights->at("W1").shape, ElementsAre(2, 1));
  EXPECT_THAT(weights->at("b1").values, ElementsAre(3));
  EXPECT_THAT(weights->at("W2").values, ElementsAre(5));
}

TEST_F(SafetensorsTest, FloatsAreReadExactly) {
  const auto weights =
      Read<float>(R"({"W1":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]}})", {0.1F, -3e38F});
  ASSERT_TRUE(weights.ok()) << weights.status();
  EXPECT_THAT(weights->at("W1").values, ElementsAre(double{0.1F}, double{-3e38F}));
}

TEST_F(SafetensorsTest, WhatIsWrongIsNamed) {
  const auto message = [&](const std::string& json) {
    return std::string(Read<double>(json, {1}).status().message());
  };
  EXPECT_THAT(message("[1]"), HasSubstr("not a safetensors file"));
  EXPECT_THAT(message(R"({"W1":{"dtype":"F16","data_offsets":[0,8]}})"), HasSubstr("W1"));
  EXPECT_THAT(message(R"({"W1":{"dtype":"F64","data_offsets":[0,16]}})"), HasSubstr("beyond"));
  EXPECT_THAT(message(R"({"W1":{"dtype":"F64","data_offsets":[8,0]}})"), HasSubstr("beyond"));
  EXPECT_THAT(message(R"({"W1":{"dtype":"F64","data_offsets":[-1,0]}})"), HasSubstr("no place"));
  EXPECT_THAT(message(R"({"W1":7})"), HasSubstr("W1"));
  EXPECT_THAT(message(R"({"W1":{"dtype":"F64","data_offsets":[0,8]}})"), HasSubstr("no shape"));
  EXPECT_THAT(message(R"({"W1":{"dtype":"F64","shape":[2],"data_offsets":[0,8]}})"),
              HasSubstr("size of its shape"));
  EXPECT_FALSE(ReadText("").ok());
  EXPECT_FALSE(ReadText(std::string(8, '\xff')).ok());
  EXPECT_TRUE(absl::IsNotFound(ReadSafetensors(folder_.path() / "none").status()));
}

}  // namespace
}  // namespace trainyard::client

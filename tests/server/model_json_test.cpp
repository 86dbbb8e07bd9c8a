// Bodies of ModelInfer in JSON.
#include "server/http/model_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/text.h"

namespace trainyard::server {
namespace {

using testing::HasSubstr;

// A body whose one tensor has `data`.
std::string BodyOf(std::string_view data, std::string_view datatype = "UINT8") {
  return StrCat(R"({"inputs":[{"name":"input","shape":[1,2],"datatype":")", datatype,
                R"(","data":)", data, "}]}");
}

std::string Nested(int depth) {
  return StrCat(std::string(static_cast<std::size_t>(depth), '['), "1",
                std::string(static_cast<std::size_t>(depth), ']'));
}

TEST(ModelJson, ElementsFlatOrNestedAreInOrder) {
  for (const auto* data : {"[1,2]", "[[1,2]]", "[[[1]],[[2]]]"}) {
    const auto body = InferBodyOf(BodyOf(data), std::nullopt);
    ASSERT_TRUE(body.ok()) << body.status();
    EXPECT_EQ(body->request.raw_input_contents(0), std::string("\1\2")) << data;
  }
}

TEST(ModelJson, BodiesThatNestTooDeepAreRefusedWithoutBeingWalked) {
  EXPECT_TRUE(InferBodyOf(BodyOf(Nested(97)), std::nullopt).ok());
  for (const int depth : {98, 2'000'000}) {
    const auto body = InferBodyOf(BodyOf(Nested(depth)), std::nullopt);
    EXPECT_EQ(body.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(body.status().message(), HasSubstr("deeper than 100"));
  }
  // Brackets within text are no nesting.
  const std::string id = StrCat("\\\"", std::string(200, '['), "\\\\");
  const auto body = InferBodyOf(StrCat(R"({"id":")", id, R"(","inputs":[]})"), std::nullopt);
  ASSERT_TRUE(body.ok()) << body.status();
  EXPECT_EQ(body->request.id(), StrCat("\"", std::string(200, '['), "\\"));
}

TEST(ModelJson, NumbersThatAreNoneOfTheirTypeAreRefused) {
  for (const auto* data : {"[1,256]", "[1,-1]", "[1,2.0]", "[1,18446744073709551615]", "[1,null]",
                           "[1,\"2\"]", "[1,true]", "[1,{}]"}) {
    EXPECT_THAT(InferBodyOf(BodyOf(data), std::nullopt).status().message(), HasSubstr("UINT8"))
        << data;
  }
}

TEST(ModelJson, BytesBehindTheJsonAreTheTensors) {
  const std::string json =
      R"({"inputs":[{"name":"input","shape":[1,2],"datatype":"UINT8",)"
      R"("parameters":{"binary_data_size":2}}],)"
      R"("parameters":{"binary_data_output":true},)"
      R"("outputs":[{"name":"a"},{"name":"b","parameters":{"binary_data":false}}]})";
  const auto body = InferBodyOf(json + "\3\4", json.size());
  ASSERT_TRUE(body.ok()) << body.status();
  EXPECT_EQ(body->request.raw_input_contents(0), "\3\4");
  EXPECT_TRUE(body->binary.Wants("a"));
  EXPECT_FALSE(body->binary.Wants("b"));
  for (const auto* tail : {"\3", "\3\4\5"}) {
    EXPECT_THAT(InferBodyOf(json + tail, json.size()).status().message(), HasSubstr("bytes"));
  }
  EXPECT_FALSE(InferBodyOf(json, json.size() + 1).ok());
}

}  // namespace
}  // namespace trainyard::server

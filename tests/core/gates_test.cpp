#include "core/data/gates.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "core/base/error.h"
#include "core/data/generate.h"
#include "tests/support/temp_folder.h"

namespace trainyard {
namespace {

using ::testing::ElementsAre;

const std::map<GeneratorKind, std::vector<std::int32_t>> kTables = {
    {GeneratorKind::kAnd, {0, 0, 0, 1}}, {GeneratorKind::kOr, {0, 1, 1, 1}},
    {GeneratorKind::kXor, {0, 1, 1, 0}}, {GeneratorKind::kNand, {1, 1, 1, 0}},
    {GeneratorKind::kNor, {1, 0, 0, 0}},
};

Dataset Made(const TempFolder& folder, const GeneratorSpec& spec) {
  const auto info = Generate(spec, folder.path());
  EXPECT_TRUE(info.ok()) << info.status();
  return *Dataset::Open(folder.path());
}

TEST(GenerateGates, AreTheirTruthTablesInOrder) {
  for (const auto& [kind, outputs] : kTables) {
    const TempFolder folder;
    const auto info = *Generate({.kind = kind, .rows = 4, .noise = {}}, folder.path());
    EXPECT_EQ(info.task, Task::kClassification);
    EXPECT_EQ(info.class_count, 2);
    EXPECT_EQ(info.image_height, 0);
    EXPECT_EQ(info.auto_scaling, AutoScaling::kNone);
    const auto gate = *Dataset::Open(folder.path());
    ASSERT_EQ(gate.rows(), 4);
    ASSERT_EQ(gate.features(), 2);
    EXPECT_THAT(gate.BytesOf(0), ElementsAre(0, 0));
    EXPECT_THAT(gate.BytesOf(1), ElementsAre(0, 1));
    EXPECT_THAT(gate.BytesOf(2), ElementsAre(1, 0));
    EXPECT_THAT(gate.BytesOf(3), ElementsAre(1, 1));
    EXPECT_TRUE(std::ranges::equal(gate.labels(), outputs));
  }
}

TEST(GenerateGates, NoiseMovesInputsWithinItsBoundAndKeepsOutputs) {
  double largest = 0;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    const TempFolder folder;
    const Dataset gate =
        Made(folder, {.kind = GeneratorKind::kXor, .rows = 4, .noise = 0.4, .seed = seed});
    EXPECT_TRUE(std::ranges::equal(gate.labels(), kTables.at(GeneratorKind::kXor)));
    for (std::int64_t row = 0; row < 4; ++row) {
      const auto x = gate.FloatsOf(row);
      const double moved = std::max(std::abs(x[0] - static_cast<double>(row / 2)),
                                    std::abs(x[1] - static_cast<double>(row % 2)));
      EXPECT_LE(moved, 0.4 + 1e-6);
      largest = std::max(largest, moved);
    }
  }
  EXPECT_GT(largest, 0.39);
}

TEST(GenerateGates, HaveFourRowsAndNoOthers) {
  EXPECT_EQ(DefaultRows(GeneratorKind::kNor), 4);
  EXPECT_EQ(DefaultRows(GeneratorKind::kSpiral), 1000);
  for (const std::int64_t rows : {0, 3, 5, 1000}) {
    const auto details =
        GetErrorDetails(Validate({.kind = GeneratorKind::kXor, .rows = rows, .noise = {}}));
    EXPECT_EQ(details.field, "rows") << rows;
    EXPECT_EQ(details.reason, "ROWS_FIXED") << rows;
  }
  EXPECT_EQ(GetErrorDetails(Validate({.kind = GeneratorKind::kAnd, .rows = 4, .noise = 0.6})).field,
            "noise");
}

}  // namespace
}  // namespace trainyard

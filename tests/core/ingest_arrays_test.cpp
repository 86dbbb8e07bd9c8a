#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/core/ingest_fixture.h"

namespace trainyard {
namespace {

using ArrayIngestTest = IngestTest;

const std::string kLabels = Idx({2}, {1, 0});
const std::string kImages = Idx({2, 1, 2}, {2, 3, 4, 5});
const std::string kNpyLabels = NpyOf("<i8", "(2,)", BytesOf<std::int64_t>({1, 0}));

TEST_F(ArrayIngestTest, ReadsIdx) {
  const auto info = IngestBytes(kImages, kLabels);
  ASSERT_TRUE(info.ok()) << info.status();
  EXPECT_EQ(info->rows, 2);
  EXPECT_EQ(info->features, 2);
  EXPECT_EQ(info->image_height, 1);
  EXPECT_EQ(info->image_width, 2);
  EXPECT_EQ(info->auto_scaling, AutoScaling::kDivideBy255);
  EXPECT_EQ(Stored().BytesOf(1)[0], 4);
  EXPECT_EQ(Stored().labels()[0], 1);
}

TEST_F(ArrayIngestTest, ReadsIdxOfFloats) {
  const auto info = IngestBytes(Idx({1, 2}, std::string("\x3F\x80\0\0\xBF\0\0\0", 8), 0x0D),
                                Idx({1}, std::string(1, '\0')));
  ASSERT_TRUE(info.ok()) << info.status();
  EXPECT_EQ(Stored().FloatsOf(0)[0], 1.0F);
  EXPECT_EQ(Stored().FloatsOf(0)[1], -0.5F);
}

TEST_F(ArrayIngestTest, GivesOneDigestWhateverTheFormatAndType) {
  const auto idx = IngestBytes(kImages, kLabels);
  ASSERT_TRUE(idx.ok()) << idx.status();
  const auto csv = IngestBytes("1,2,3\n0,4,5\n");
  ASSERT_TRUE(csv.ok()) << csv.status();
  EXPECT_EQ(csv->digest, idx->digest);
  const std::vector<std::string> arrays = {
      NpyOf("|u1", "(2, 2)", BytesOf<std::uint8_t>({2, 3, 4, 5})),
      NpyOf("|u1", "(2, 1, 2)", BytesOf<std::uint8_t>({2, 3, 4, 5})),
      NpyOf("|i1", "(2, 2)", BytesOf<std::int8_t>({2, 3, 4, 5})),
      NpyOf("<u2", "(2, 2)", BytesOf<std::uint16_t>({2, 3, 4, 5})),
      NpyOf("<i2", "(2, 2)", BytesOf<std::int16_t>({2, 3, 4, 5})),
      NpyOf(">i2", "(2, 2)", std::string("\0\2\0\3\0\4\0\5", 8)),
      NpyOf("<u4", "(2, 2)", BytesOf<std::uint32_t>({2, 3, 4, 5})),
      NpyOf("<i4", "(2, 2)", BytesOf<std::int32_t>({2, 3, 4, 5})),
      NpyOf("<i8", "(2, 2)", BytesOf<std::int64_t>({2, 3, 4, 5})),
      NpyOf("<f4", "(2, 2)", BytesOf<float>({2, 3, 4, 5})),
      NpyOf("<f8", "(2, 2)", BytesOf<double>({2, 3, 4, 5})),
  };
  for (const std::string& array : arrays) {
    for (const std::string& labels : {kNpyLabels, NpyOf("<f4", "(2, 1)", BytesOf<float>({1, 0}))}) {
      const auto info = IngestBytes(array, labels);
      ASSERT_TRUE(info.ok()) << info.status() << array;
      EXPECT_EQ(info->digest, idx->digest) << array;
    }
  }
}

TEST_F(ArrayIngestTest, ReadsNpyOfBooleans) {
  const auto info = IngestBytes(NpyOf("|b1", "(2, 2)", std::string("\0\1\1\0", 4)), kNpyLabels);
  ASSERT_TRUE(info.ok()) << info.status();
  EXPECT_EQ(info->auto_scaling, AutoScaling::kNone);
  EXPECT_EQ(Stored().BytesOf(0)[1], 1);
}

TEST_F(ArrayIngestTest, ReadsNpyTargets) {
  spec.task = Task::kRegression;
  const auto info = IngestBytes(NpyOf("<f4", "(2, 1)", BytesOf<float>({1, 2})),
                                NpyOf("<f8", "(2, 2)", BytesOf<double>({0.5, 1, 2, 3})));
  ASSERT_TRUE(info.ok()) << info.status();
  EXPECT_EQ(info->target_count, 2);
  EXPECT_EQ(Stored().targets()[3], 3.0F);
  EXPECT_TRUE(IngestBytes(NpyOf("<f4", "(2, 1)", BytesOf<float>({1, 2})), kNpyLabels).ok());
}

class WrongArrayTest : public IngestTest, public testing::WithParamInterface<WrongInput> {};

TEST_P(WrongArrayTest, IsNamed) {
  spec = GetParam().spec;
  ExpectError(IngestBytes(GetParam().data, GetParam().labels).status(), GetParam());
}

IngestSpec Of(FileFormat format, Task task = Task::kClassification) {
  IngestSpec spec;
  spec.format = format;
  spec.task = task;
  return spec;
}

IngestSpec WithColumn() {
  IngestSpec spec;
  spec.label_column = "0";
  return spec;
}

IngestSpec TwoClasses() {
  IngestSpec spec;
  spec.class_count = 2;
  return spec;
}

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

INSTANTIATE_TEST_SUITE_P(
    Idx, WrongArrayTest,
    testing::Values(
        WrongInput{"WrongMagic",
                   std::string("\0\0\x07\x03", 4),
                   "IDX_WRONG_MAGIC",
                   {{"file", "data"}, {"value", "0x00000703"}},
                   {},
                   kLabels},
        WrongInput{"NoMagic",
                   "1,2\n3,4\n",
                   "IDX_WRONG_MAGIC",
                   {{"value", "0x312c320a"}},
                   Of(FileFormat::kIdx),
                   kLabels},
        WrongInput{
            "WrongLabelMagic", kImages, "IDX_WRONG_MAGIC", {{"file", "labels"}}, {}, "1\n2\n"},
        WrongInput{"Swapped", kLabels, "IDX_WRONG_MAGIC", {{"file", "data"}}, {}, kImages},
        WrongInput{"ImagesTwice", kImages, "IDX_WRONG_MAGIC", {{"file", "labels"}}, {}, kImages},
        WrongInput{"Doubles",
                   Idx({1, 1}, "12345678", 0x0E),
                   "IDX_TYPE_UNSUPPORTED",
                   {{"file", "data"}},
                   {},
                   kLabels},
        WrongInput{"LabelsMissing", kImages, "LABELS_REQUIRED"},
        WrongInput{"CountMismatch",
                   kImages,
                   "COUNT_MISMATCH",
                   {{"expected", "2"}, {"found", "3"}},
                   {},
                   Idx({3}, {0, 1, 2})},
        WrongInput{"Truncated",
                   Idx({2, 1, 2}, {2, 3, 4}),
                   "IDX_TRUNCATED",
                   {{"file", "data"}, {"row", "1"}},
                   {},
                   kLabels},
        WrongInput{"TruncatedHeader",
                   std::string("\0\0\x08\x03\0\0", 6),
                   "IDX_TRUNCATED",
                   {{"file", "data"}},
                   {},
                   kLabels},
        WrongInput{
            "TruncatedLabels", kImages, "IDX_TRUNCATED", {{"file", "labels"}}, {}, Idx({2}, {1})},
        WrongInput{
            "Trailing", kImages + "x", "IDX_TRAILING_BYTES", {{"file", "data"}}, {}, kLabels},
        WrongInput{"HugeDimension",
                   Idx({2, 1U << 31}, ""),
                   "IDX_TOO_LARGE",
                   {{"file", "data"}},
                   {},
                   kLabels},
        WrongInput{"HugeRows",
                   Idx({1U << 31, 28, 28}, ""),
                   "IDX_TOO_LARGE",
                   {{"file", "data"}},
                   {},
                   kLabels},
        WrongInput{"HugeProduct",
                   Idx({1U << 31, 1U << 31, 1U << 31, 1U << 31}, ""),
                   "IDX_TOO_LARGE",
                   {{"file", "data"}},
                   {},
                   kLabels},
        WrongInput{"NoRows", Idx({0, 28, 28}, ""), "EMPTY_FILE", {}, {}, Idx({0}, "")},
        WrongInput{"NoPixels", Idx({2, 0, 28}, ""), "NO_FEATURES", {}, {}, kLabels},
        WrongInput{"LabelAboveClasses",
                   kImages,
                   "LABEL_OUT_OF_RANGE",
                   {{"file", "labels"}, {"row", "1"}, {"value", "7"}},
                   TwoClasses(),
                   Idx({2}, {1, 7})},
        WrongInput{"Regression",
                   kImages,
                   "TASK_UNSUPPORTED",
                   {},
                   Of(FileFormat::kIdx, Task::kRegression),
                   kLabels},
        WrongInput{"Columns", kImages, "COLUMNS_ONLY_FOR_CSV", {}, WithColumn(), kLabels},
        WrongInput{"Empty", "", "EMPTY_FILE", {}, Of(FileFormat::kIdx), kLabels},
        WrongInput{"LabelsEmpty", kImages, "IDX_TRUNCATED", {{"file", "labels"}}, {}, ""}),
    NameOf);

INSTANTIATE_TEST_SUITE_P(
    Npy, WrongArrayTest,
    testing::Values(WrongInput{"NoMagic",
                               "1,2\n3,4\n",
                               "NPY_WRONG_MAGIC",
                               {{"file", "data"}},
                               Of(FileFormat::kNpy),
                               kNpyLabels},
                    WrongInput{"LabelsAreIdx",
                               NpyOf("|u1", "(2, 1)", "ab"),
                               "NPY_WRONG_MAGIC",
                               {{"file", "labels"}},
                               {},
                               kLabels},
                    WrongInput{"BadHeader",
                               NpyOf("|u1", "2", "ab"),
                               "NPY_HEADER_INVALID",
                               {{"file", "data"}},
                               {},
                               kNpyLabels},
                    WrongInput{"FortranOrder",
                               NpyOf("|u1", "(2, 1)", "ab", "True"),
                               "NPY_FORTRAN_ORDER",
                               {{"file", "data"}},
                               {},
                               kNpyLabels},
                    WrongInput{"HalfFloats",
                               NpyOf("<f2", "(2, 1)", "abcd"),
                               "NPY_TYPE_UNSUPPORTED",
                               {{"value", "<f2"}},
                               {},
                               kNpyLabels},
                    WrongInput{"Text",
                               NpyOf("<U4", "(2, 1)", ""),
                               "NPY_TYPE_UNSUPPORTED",
                               {{"value", "<U4"}},
                               {},
                               kNpyLabels},
                    WrongInput{"OneDimension",
                               kNpyLabels,
                               "NPY_SHAPE_UNSUPPORTED",
                               {{"file", "data"}},
                               {},
                               kNpyLabels},
                    WrongInput{"WideLabels",
                               NpyOf("|u1", "(2, 1)", "ab"),
                               "NPY_SHAPE_UNSUPPORTED",
                               {{"file", "labels"}, {"value", "(2, 2)"}},
                               {},
                               NpyOf("|u1", "(2, 2)", "abcd")},
                    WrongInput{"NoDimension",
                               NpyOf("|u1", "(2, 1)", "ab"),
                               "NPY_SHAPE_UNSUPPORTED",
                               {{"file", "labels"}},
                               {},
                               NpyOf("|u1", "()", "a")},
                    WrongInput{"LabelsMissing", NpyOf("|u1", "(2, 1)", "ab"), "LABELS_REQUIRED"},
                    WrongInput{"CountMismatch",
                               NpyOf("|u1", "(3, 1)", "abc"),
                               "COUNT_MISMATCH",
                               {{"expected", "3"}, {"found", "2"}},
                               {},
                               kNpyLabels},
                    WrongInput{"Truncated",
                               NpyOf("|u1", "(2, 2)", "abc"),
                               "NPY_TRUNCATED",
                               {{"row", "1"}},
                               {},
                               kNpyLabels},
                    WrongInput{"Trailing",
                               NpyOf("|u1", "(2, 1)", "abc"),
                               "NPY_TRAILING_BYTES",
                               {{"file", "data"}},
                               {},
                               kNpyLabels},
                    WrongInput{"TooLarge",
                               NpyOf("|u1", "(2, 4611686018427387904, 8)", ""),
                               "NPY_TOO_LARGE",
                               {{"file", "data"}},
                               {},
                               kNpyLabels},
                    WrongInput{"Nan",
                               NpyOf("<f8", "(2, 2)", BytesOf<double>({1, 2, 3, kNan})),
                               "NOT_FINITE",
                               {{"file", "data"}, {"row", "1"}, {"column", "2"}, {"value", "nan"}},
                               {},
                               kNpyLabels},
                    WrongInput{"Overflow",
                               NpyOf("<f8", "(2, 1)", BytesOf<double>({1, 1e39})),
                               "OUT_OF_RANGE",
                               {{"row", "1"}, {"column", "1"}, {"value", "1e+39"}},
                               {},
                               kNpyLabels},
                    WrongInput{"LabelNotInteger",
                               NpyOf("|u1", "(2, 1)", "ab"),
                               "LABEL_NOT_INTEGER",
                               {{"file", "labels"}, {"row", "1"}, {"value", "0.5"}},
                               {},
                               NpyOf("<f4", "(2,)", BytesOf<float>({1, 0.5F}))},
                    WrongInput{"LabelNegative",
                               NpyOf("|u1", "(2, 1)", "ab"),
                               "LABEL_OUT_OF_RANGE",
                               {{"row", "0"}, {"value", "-1"}},
                               {},
                               NpyOf("|i1", "(2,)", BytesOf<std::int8_t>({-1, 0}))}),
    NameOf);

}  // namespace
}  // namespace trainyard

#include <gtest/gtest.h>

#include "tests/core/ingest_fixture.h"

namespace trainyard {
namespace {

using CsvIngestTest = IngestTest;

TEST_F(CsvIngestTest, TakesTheFirstColumnForTheLabelWithoutAHeader) {
  const auto info = IngestBytes("5,0,1.5\n0,2,-3\n");
  ASSERT_TRUE(info.ok()) << info.status();
  EXPECT_EQ(info->rows, 2);
  EXPECT_EQ(info->features, 2);
  EXPECT_EQ(info->class_count, 6);
  EXPECT_EQ(info->label_histogram, (std::vector<std::int64_t>{1, 0, 0, 0, 0, 1}));
  EXPECT_EQ(Stored().FloatsOf(1)[1], -3);
}

TEST_F(CsvIngestTest, DoesNotCareHowLinesAndFieldsAreWritten) {
  const auto plain = IngestBytes("1,2,3\n0,4,5\n");
  ASSERT_TRUE(plain.ok()) << plain.status();
  for (const char* variant :
       {"1,2,3\r\n0,4,5\r\n", "1,2,3\n0,4,5",
        "\xEF\xBB\xBF"
        "1,2,3\n0,4,5\n",
        "\n\n1,2,3\n \t\n0,4,5\n\n", " 1 , 2,3 \n0,4,\t5\n", "\"1\",\"2\",\"3\"\n0, \"4\" ,5\n",
        "1.0,+2,3e0\n0,4.,.5e1\n", "label,a,b\n1,2,3\n0,4,5\n", "CLASS,a,b\n1,2,3\n0,4,5\n",
        "\"label\",\"a \"\"b\"\"\",\"c,d\"\n1,2,3\n0,4,5\n", "a,b,Target\n2,3,1\n4,5,0\n"}) {
    const auto info = IngestBytes(variant);
    ASSERT_TRUE(info.ok()) << info.status() << variant;
    EXPECT_EQ(info->digest, plain->digest) << variant;
  }
}

TEST_F(CsvIngestTest, TakesTheLabelColumnByNameOrIndex) {
  const auto plain = IngestBytes("1,2,3\n0,4,5\n");
  ASSERT_TRUE(plain.ok());
  for (const char* column : {"digit", "1"}) {
    spec.label_column = column;
    const auto info = IngestBytes("a,digit,b\n2,1,3\n4,0,5\n");
    ASSERT_TRUE(info.ok()) << info.status();
    EXPECT_EQ(info->digest, plain->digest);
  }
  // Without a header too; an index that is among the values makes no header.
  spec.label_column = "2";
  const auto last = IngestBytes("2,3,1\n4,5,0\n");
  ASSERT_TRUE(last.ok()) << last.status();
  EXPECT_EQ(last->digest, plain->digest);
  // A name goes before an index.
  spec.label_column = "0";
  const auto named = IngestBytes("class,0,b\n2,1,3\n4,0,5\n");
  ASSERT_TRUE(named.ok()) << named.status();
  EXPECT_EQ(named->digest, plain->digest);
}

TEST_F(CsvIngestTest, EndsOnceItIsStopped) {
  std::stop_source stop;
  stop.request_stop();
  limits.stop = stop.get_token();
  EXPECT_TRUE(absl::IsCancelled(IngestBytes("1,2,3\n0,4,5\n").status()));
  EXPECT_FALSE(Dataset::Open(staging()).ok());
}

TEST_F(CsvIngestTest, TakesRegressionTargets) {
  spec.task = Task::kRegression;
  spec.target_columns = {"z", "0"};
  const auto info = IngestBytes("x,y,z\n1,2,3.5\n4,5,-6\n");
  ASSERT_TRUE(info.ok()) << info.status();
  EXPECT_EQ(info->features, 1);
  EXPECT_EQ(info->target_count, 2);
  EXPECT_TRUE(info->label_histogram.empty());
  // In the order in which they are named.
  EXPECT_EQ(Stored().targets()[0], 3.5F);
  EXPECT_EQ(Stored().targets()[1], 1.0F);
  spec.target_columns = {};
  EXPECT_TRUE(IngestBytes("x,y,target\n1,2,3.5\n").ok());
  spec.label_column = "y";
  ASSERT_TRUE(IngestBytes("x,y,target\n1,2,3.5\n").ok());
  EXPECT_EQ(Stored().targets()[0], 2.0F);
}

TEST_F(CsvIngestTest, KeepsTheClassCountThatIsGiven) {
  spec.class_count = 10;
  const auto info = IngestBytes("1,2\n3,4\n");
  ASSERT_TRUE(info.ok()) << info.status();
  EXPECT_EQ(info->class_count, 10);
  EXPECT_EQ(info->label_histogram.size(), 10U);
}

TEST_F(CsvIngestTest, StoresTinyNumbersAsZero) {
  const auto info = IngestBytes("1,1e-400,0\n0,1,1e-60\n");
  ASSERT_TRUE(info.ok()) << info.status();
  EXPECT_EQ(info->feature_type, FeatureType::kUint8);
}

TEST_F(CsvIngestTest, KeepsItsLimits) {
  const auto reason = [&](const std::string& csv) {
    const absl::Status status = IngestBytes(csv).status();
    EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
    return GetErrorDetails(status).reason;
  };
  limits.max_line_bytes = 100;
  limits.max_field_bytes = 10;
  limits.max_rows = 2;
  limits.max_features = 3;
  limits.max_classes = 5;
  EXPECT_EQ(reason("1,2\n1," + std::string(200, '1') + "\n"), "LINE_TOO_LONG");
  EXPECT_EQ(reason(std::string(10'000'000, '1')), "LINE_TOO_LONG");
  EXPECT_EQ(reason("1,2\n1,0.1234567890123\n"), "FIELD_TOO_LONG");
  EXPECT_EQ(reason("1,2\n1,2\n1,2\n"), "TOO_MANY_ROWS");
  EXPECT_EQ(reason("1,2,3,4,5\n"), "TOO_MANY_FEATURES");
  EXPECT_EQ(reason("5,2\n"), "TOO_MANY_CLASSES");
  limits.max_stored_bytes = 256 + 8;
  EXPECT_EQ(reason("1,2\n1,2\n"), "STORED_TOO_LARGE");
}

class WrongCsvTest : public IngestTest, public testing::WithParamInterface<WrongInput> {};

TEST_P(WrongCsvTest, IsNamed) {
  spec = GetParam().spec;
  ExpectError(IngestBytes(GetParam().data, GetParam().labels).status(), GetParam());
}

IngestSpec WithLabel(const char* column) {
  IngestSpec spec;
  spec.label_column = column;
  return spec;
}

IngestSpec WithTargets(std::vector<std::string> columns) {
  IngestSpec spec;
  spec.task = Task::kRegression;
  spec.target_columns = std::move(columns);
  return spec;
}

IngestSpec WithClasses(int count) {
  IngestSpec spec;
  spec.class_count = count;
  return spec;
}

IngestSpec TargetsForClasses() {
  IngestSpec spec;
  spec.target_columns = {"a"};
  return spec;
}

const std::string kNul("1,2\n1,\0\n", 8);

INSTANTIATE_TEST_SUITE_P(
    Csv, WrongCsvTest,
    testing::Values(
        WrongInput{"MissingColumn",
                   "1,2,3\n\n1,2\n",
                   "WRONG_FIELD_COUNT",
                   {{"line", "3"}, {"row", "1"}, {"expected", "3"}, {"found", "2"}}},
        WrongInput{"ExtraColumn",
                   "1,2\n1,2,3,4\n",
                   "WRONG_FIELD_COUNT",
                   {{"line", "2"}, {"expected", "2"}, {"found", "4"}}},
        WrongInput{"ExtraColumnWithText",
                   "1,2\n1,x,3\n",
                   "WRONG_FIELD_COUNT",
                   {{"line", "2"}, {"found", "3"}}},
        WrongInput{"TrailingComma", "1,2\n1,2,\n", "WRONG_FIELD_COUNT", {{"found", "3"}}},
        WrongInput{"HeaderOfOtherWidth", "label,a\n1,2,3\n", "WRONG_FIELD_COUNT", {{"line", "2"}}},
        WrongInput{"NotANumber",
                   "1,2\r\n1,abc\r\n",
                   "NOT_A_NUMBER",
                   {{"line", "2"}, {"row", "1"}, {"column", "2"}, {"value", "abc"}}},
        WrongInput{"NotANumberNamed",
                   "label,age\n1,2\n1,n/a\n",
                   "NOT_A_NUMBER",
                   {{"line", "3"},
                    {"row", "1"},
                    {"column", "2"},
                    {"columnName", "age"},
                    {"value", "n/a"}}},
        WrongInput{"EmptyField", "1,2\n1,\n", "NOT_A_NUMBER", {{"line", "2"}, {"column", "2"}}},
        WrongInput{"TwoNumbers", "1,2\n1,2 3\n", "NOT_A_NUMBER", {{"value", "2 3"}}},
        WrongInput{"Hexadecimal", "1,2\n1,0x10\n", "NOT_A_NUMBER", {{"value", "0x10"}}},
        WrongInput{"NotUtf8", "1,2\n1,\xFF\x1B\n", "NOT_A_NUMBER", {{"value", "\\xff\\x1b"}}},
        WrongInput{"Nan",
                   "1,2\n1,NaN\n",
                   "NOT_FINITE",
                   {{"line", "2"}, {"column", "2"}, {"value", "NaN"}}},
        WrongInput{"Infinity", "1,2\n1,-inf\n", "NOT_FINITE", {{"value", "-inf"}}},
        WrongInput{"NanLabel", "1,2\nnan,1\n", "NOT_FINITE", {{"column", "1"}}},
        WrongInput{"FloatOverflow", "1,2\n1,1e39\n", "OUT_OF_RANGE", {{"value", "1e39"}}},
        WrongInput{"DoubleOverflow", "1,2\n1,-1e999\n", "OUT_OF_RANGE", {{"value", "-1e999"}}},
        WrongInput{"LabelNotInteger",
                   "1,2\n1.5,2\n",
                   "LABEL_NOT_INTEGER",
                   {{"line", "2"}, {"column", "1"}, {"value", "1.5"}}},
        WrongInput{"LabelNegative", "1,2\n-1,2\n", "LABEL_OUT_OF_RANGE", {{"value", "-1"}}},
        WrongInput{"LabelAboveClasses",
                   "1,2\n10,2\n",
                   "LABEL_OUT_OF_RANGE",
                   {{"line", "2"}, {"value", "10"}},
                   WithClasses(10)},
        WrongInput{"LabelText", "1,2\ncat,2\n", "NOT_A_NUMBER", {{"value", "cat"}}},
        WrongInput{"Empty", "", "EMPTY_FILE"}, WrongInput{"Blank", "\n\r\n \n", "EMPTY_FILE"},
        WrongInput{"HeaderOnly", "label,a\n", "EMPTY_FILE"},
        WrongInput{"ZeroByte", kNul, "NOT_TEXT", {{"line", "2"}}},
        WrongInput{
            "QuoteNotClosed", "1,2\n1,\"2\n", "QUOTE_NOT_CLOSED", {{"line", "2"}, {"column", "2"}}},
        WrongInput{"QuoteMisplaced",
                   "1,2\n1,\"2\"3\n",
                   "QUOTE_MISPLACED",
                   {{"line", "2"}, {"column", "2"}}},
        WrongInput{"Semicolons", "1;2;3\n", "SEPARATOR_UNSUPPORTED"},
        WrongInput{"LabelOnly", "1\n2\n", "NO_FEATURES"},
        WrongInput{"NoLabelInHeader", "a,b\n1,2\n", "LABEL_COLUMN_UNKNOWN"},
        WrongInput{"UnknownLabel", "a,b\n1,2\n", "LABEL_COLUMN_UNKNOWN", {}, WithLabel("c")},
        WrongInput{"LabelWithoutHeader", "3,4\n1,2\n", "LABEL_COLUMN_UNKNOWN", {}, WithLabel("c")},
        WrongInput{"LabelIndexTooLarge", "3,4\n1,2\n", "LABEL_COLUMN_UNKNOWN", {}, WithLabel("2")},
        WrongInput{"LabelTwice", "a,a\n1,2\n", "COLUMN_AMBIGUOUS", {}, WithLabel("a")},
        WrongInput{"NoTargets", "a,b\n1,2\n", "TARGET_COLUMNS_REQUIRED", {}, WithTargets({})},
        WrongInput{"UnknownTarget", "a,b\n1,2\n", "TARGET_COLUMN_UNKNOWN", {}, WithTargets({"c"})},
        WrongInput{
            "TargetTwice", "a,b\n1,2\n", "TARGET_COLUMN_REPEATED", {}, WithTargets({"a", "0"})},
        WrongInput{"TargetsForClasses",
                   "a,b\n1,2\n",
                   "TARGET_COLUMNS_NOT_FOR_CLASSIFICATION",
                   {},
                   TargetsForClasses()},
        WrongInput{
            "TooManyClassesAsked", "1,2\n", "CLASS_COUNT_OUT_OF_RANGE", {}, WithClasses(1'000'000)},
        WrongInput{"LabelsApart", "1,2\n", "LABELS_NOT_SEPARATE", {}, {}, "1\n"},
        WrongInput{"Zip", "PK\x03\x04rest", "FORMAT_UNSUPPORTED"}),
    NameOf);

}  // namespace
}  // namespace trainyard

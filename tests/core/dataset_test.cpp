#include "core/data/dataset.h"

#include <gtest/gtest.h>

#include <fstream>
#include <stop_token>
#include <vector>

#include "core/base/error.h"
#include "core/data/dataset_writer.h"
#include "tests/support/temp_folder.h"

namespace trainyard {
namespace {

class DatasetTest : public testing::Test {
 protected:
  // Three rows of two features as floats, each with label row % 2.
  DatasetInfo WriteRows(const std::vector<std::vector<float>>& rows, bool from_bytes = false) {
    auto writer = *DatasetWriter::Create(folder_.path(), layout);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (from_bytes) {
        const std::vector<std::uint8_t> bytes(rows[i].begin(), rows[i].end());
        EXPECT_TRUE(writer->AppendFeatures(std::span<const std::uint8_t>(bytes)).ok());
      } else {
        EXPECT_TRUE(writer->AppendFeatures(std::span<const float>(rows[i])).ok());
      }
      EXPECT_TRUE(writer->AppendLabel(static_cast<std::int32_t>(i % 2)).ok());
    }
    auto info = writer->Finish({.byte_source = from_bytes});
    EXPECT_TRUE(info.ok()) << info.status();
    return *info;
  }

  const std::filesystem::path& path() const { return folder_.path(); }

  DatasetLayout layout{.features = 2, .max_rows = 1000, .max_stored_bytes = 1 << 20};

 private:
  TempFolder folder_;
};

TEST_F(DatasetTest, StoresBytesWhileAllValuesAre) {
  const DatasetInfo floats = WriteRows({{0, 255}, {7, -0.0F}, {1, 2}});
  EXPECT_EQ(floats.feature_type, FeatureType::kUint8);
  const DatasetInfo bytes = WriteRows({{0, 255}, {7, 0}, {1, 2}}, true);
  EXPECT_EQ(floats.digest, bytes.digest);
  EXPECT_EQ(bytes.label_histogram, (std::vector<std::int64_t>{2, 1}));
  EXPECT_EQ(bytes.size_bytes, 128 + 6 + 128 + 12);
  const auto dataset = Dataset::Open(path());
  ASSERT_TRUE(dataset.ok()) << dataset.status();
  EXPECT_EQ(dataset->rows(), 3);
  EXPECT_EQ(dataset->BytesOf(1)[0], 7);
  EXPECT_EQ(dataset->labels()[1], 1);
  std::vector<float> row(2);
  dataset->CopyRow(0, row);
  EXPECT_EQ(row, (std::vector<float>{0, 255}));
}

TEST_F(DatasetTest, RewritesAsFloatsOnTheFirstOtherValue) {
  for (const float other : {0.5F, -1.0F, 256.0F, 1e30F}) {
    const DatasetInfo late = WriteRows({{1, 2}, {3, 4}, {5, other}});
    EXPECT_EQ(late.feature_type, FeatureType::kFloat32);
    EXPECT_EQ(late.auto_scaling, AutoScaling::kNone);
    const auto dataset = Dataset::Open(path());
    ASSERT_TRUE(dataset.ok()) << dataset.status();
    EXPECT_EQ(dataset->FloatsOf(0)[1], 2);
    EXPECT_EQ(dataset->FloatsOf(2)[1], other);
    EXPECT_FALSE(std::filesystem::exists(path() / "features.npy.tmp"));
  }
}

TEST_F(DatasetTest, DigestIsOfTheContent) {
  // Golden: stored datasets are found by it.
  EXPECT_EQ(WriteRows({{1, 2}, {3, 4}}).digest,
            "dd40df107b389d6566cda60b8e523963ddb92d6fcc812858d93ef3f20ea80344");
  EXPECT_NE(WriteRows({{1, 2}, {3, 5}}).digest, WriteRows({{1, 2}, {3, 4}}).digest);
}

TEST_F(DatasetTest, TakesSquaresOfBytesForImages) {
  layout.features = 64;
  EXPECT_EQ(WriteRows({std::vector<float>(64, 1)}).image_height, 8);
  EXPECT_EQ(WriteRows({std::vector<float>(64, 0.5F)}).image_height, 0);
  layout.features = 49;
  EXPECT_EQ(WriteRows({std::vector<float>(49, 1)}).image_height, 0);
}

TEST_F(DatasetTest, ScalesBytesAndIntegersAbove127) {
  EXPECT_EQ(WriteRows({{1, 128}}).auto_scaling, AutoScaling::kDivideBy255);
  EXPECT_EQ(WriteRows({{1, 127}}).auto_scaling, AutoScaling::kNone);
  EXPECT_EQ(WriteRows({{1, 127}}, true).auto_scaling, AutoScaling::kDivideBy255);
}

TEST_F(DatasetTest, KeepsItsLimits) {
  layout.max_rows = 1;
  auto writer = *DatasetWriter::Create(path(), layout);
  const std::vector<float> row = {1, 2};
  EXPECT_TRUE(writer->AppendFeatures(std::span<const float>(row)).ok());
  EXPECT_EQ(GetErrorDetails(writer->AppendFeatures(std::span<const float>(row))).reason,
            "TOO_MANY_ROWS");
  layout.max_rows = 10;
  // Enough for the rows as bytes, not as floats.
  layout.max_stored_bytes = 2 * 128 + 2 * (2 + 4) + 1;
  writer = *DatasetWriter::Create(path(), layout);
  EXPECT_TRUE(writer->AppendFeatures(std::span<const float>(row)).ok());
  const std::vector<float> real = {1, 0.5F};
  const absl::Status status = writer->AppendFeatures(std::span<const float>(real));
  EXPECT_EQ(GetErrorDetails(status).reason, "STORED_TOO_LARGE");
}

TEST_F(DatasetTest, IsNotFinishedOnceItIsStopped) {
  std::stop_source stop;
  layout.stop = stop.get_token();
  auto writer = *DatasetWriter::Create(path(), layout);
  const std::vector<float> row = {1, 2};
  EXPECT_TRUE(writer->AppendFeatures(std::span<const float>(row)).ok());
  EXPECT_TRUE(writer->AppendLabel(0).ok());
  stop.request_stop();
  EXPECT_EQ(GetErrorDetails(writer->AppendFeatures(std::span<const float>(row))).reason, "STOPPED");
  EXPECT_TRUE(absl::IsCancelled(writer->Finish({}).status()));
  EXPECT_FALSE(Dataset::Open(path()).ok());
}

TEST_F(DatasetTest, RefusesWhatIsNotThereOrDamaged) {
  EXPECT_TRUE(absl::IsNotFound(Dataset::Open(path()).status()));
  WriteRows({{1, 2}, {3, 4}});
  std::filesystem::resize_file(path() / "features.npy", 131);
  EXPECT_TRUE(absl::IsDataLoss(Dataset::Open(path()).status()));
  WriteRows({{1, 2}, {3, 4}});
  std::filesystem::copy_file(path() / "features.npy", path() / "targets.npy",
                             std::filesystem::copy_options::overwrite_existing);
  EXPECT_TRUE(absl::IsDataLoss(Dataset::Open(path()).status()));
}

TEST_F(DatasetTest, RegressionHasTargets) {
  layout.task = Task::kRegression;
  layout.target_count = 2;
  auto writer = *DatasetWriter::Create(path(), layout);
  const std::vector<float> row = {1, 2};
  const std::vector<float> targets = {0.5F, -3};
  EXPECT_TRUE(writer->AppendFeatures(std::span<const float>(row)).ok());
  EXPECT_TRUE(writer->AppendTargets(targets).ok());
  const auto info = writer->Finish({});
  ASSERT_TRUE(info.ok()) << info.status();
  EXPECT_EQ(info->target_count, 2);
  EXPECT_EQ(info->class_count, 0);
  const auto dataset = Dataset::Open(path());
  ASSERT_TRUE(dataset.ok()) << dataset.status();
  EXPECT_EQ(dataset->task(), Task::kRegression);
  EXPECT_EQ(dataset->target_count(), 2);
  EXPECT_EQ(dataset->targets()[1], -3);
  EXPECT_TRUE(dataset->labels().empty());
}

}  // namespace
}  // namespace trainyard

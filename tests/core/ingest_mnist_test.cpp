// The real MNIST, where this machine has it.
#include <gtest/gtest.h>

#include "tests/core/ingest_fixture.h"
#include "tests/support/mnist.h"

namespace trainyard {
namespace {

using testing::FindMnist;

using MnistIngestTest = IngestTest;

TEST_F(MnistIngestTest, TestSetIsOneDatasetFromIdxAndCsv) {
  const auto images = FindMnist("t10k-images-idx3-ubyte.gz");
  const auto labels = FindMnist("t10k-labels-idx1-ubyte.gz");
  if (images.empty() || labels.empty()) GTEST_SKIP() << "no MNIST on this machine";
  const auto idx = IngestStored({.data = images, .labels = labels});
  ASSERT_TRUE(idx.ok()) << idx.status();
  EXPECT_EQ(idx->rows, 10000);
  EXPECT_EQ(idx->image_height, 28);
  EXPECT_EQ(idx->class_count, 10);
  EXPECT_EQ(idx->label_histogram,
            (std::vector<std::int64_t>{980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009}));

  std::string csv;
  {
    const Dataset dataset = Stored();
    for (std::int64_t row = 0; row < dataset.rows(); ++row) {
      csv += std::to_string(dataset.labels()[static_cast<std::size_t>(row)]);
      for (const std::uint8_t pixel : dataset.BytesOf(row)) {
        csv += ',';
        csv += std::to_string(pixel);
      }
      csv += '\n';
    }
  }
  const auto from_csv = IngestBytes(csv);
  ASSERT_TRUE(from_csv.ok()) << from_csv.status();
  EXPECT_EQ(from_csv->digest, idx->digest);
  EXPECT_EQ(from_csv->auto_scaling, AutoScaling::kDivideBy255);
  EXPECT_EQ(from_csv->image_width, 28);
}

TEST_F(MnistIngestTest, NotebooksSubsetHasItsLabels) {
  const auto file = FindMnist("MNIST_test_100.csv");
  if (file.empty()) GTEST_SKIP() << "no MNIST subsets on this machine";
  const auto info = IngestStored({.data = file, .labels = {}});
  ASSERT_TRUE(info.ok()) << info.status();
  EXPECT_EQ(info->rows, 100);
  EXPECT_EQ(info->features, 784);
  const Dataset dataset = Stored();
  const std::vector<std::int32_t> first(dataset.labels().begin(), dataset.labels().begin() + 9);
  EXPECT_EQ(first, (std::vector<std::int32_t>{3, 8, 0, 5, 4, 3, 8, 3, 2}));
}

}  // namespace
}  // namespace trainyard

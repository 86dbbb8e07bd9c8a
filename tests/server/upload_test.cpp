#include <gtest/gtest.h>

#include <ctime>
#include <functional>

#include "core/base/error.h"
#include "server/convert/status.h"
#include "server/datasets/dataset_service.h"
#include "tests/support/fake_executor.h"
#include "tests/support/temp_folder.h"

namespace trainyard::server {
namespace {

constexpr std::int64_t kDay = 24 * 3600;

// A dataset service over a real store, and one upload.
class UploadTest : public testing::Test {
 protected:
  UploadTest() : layout_(folder_.path() / "data") {
    EXPECT_TRUE(layout_.Create().ok());
    store_ = *Store::Open(layout_);
    datasets_ = std::make_unique<DatasetService>(layout_, *store_, pool_, slots_);
    v1::CreateDatasetRequest request;
    request.set_parent("users/me");
    request.set_dataset_id("d");
    request.mutable_dataset()->mutable_upload();
    const auto created = datasets_->Create(me_, request);
    EXPECT_TRUE(created.ok()) << created.status();
    uid_ = created->uid();
  }

  // Writes a row's bytes without ending the part; `meanwhile` runs in the call.
  absl::Status Write(
      std::int64_t offset, const std::function<void()>& meanwhile = [] {}) {
    int messages = 0;
    return datasets_
        ->Write(me_,
                [&](v1::WriteDatasetRequest& message) {
                  message.Clear();
                  if (messages == 0) message.set_name("users/me/datasets/d");
                  if (messages == 0) message.set_part(v1::UploadPart::DATA);
                  if (messages == 0) message.set_offset(offset);
                  if (messages == 1) message.set_chunk("1,0\n");
                  if (messages == 1) meanwhile();
                  return ++messages <= 2;
                })
        .status();
  }

  v1::Dataset Get() {
    v1::GetDatasetRequest request;
    request.set_name("users/me/datasets/d");
    return *datasets_->Get(me_, request);
  }

  const Caller me_{"users/local"};
  const std::int64_t now_ = std::time(nullptr);
  TempFolder folder_;
  Layout layout_;
  std::unique_ptr<Store> store_;
  FakeExecutor executor_;
  WorkerPool pool_{executor_};
  SlotQueue slots_{1};
  std::unique_ptr<DatasetService> datasets_;
  std::string uid_;
};

TEST_F(UploadTest, OneThatRestedForAWeekIsFailedAndRemoved) {
  ASSERT_TRUE(Write(0).ok());
  datasets_->FailAbandonedUploads(now_ + 6 * kDay);
  EXPECT_EQ(Get().state(), v1::Dataset::UPLOADING);
  EXPECT_TRUE(std::filesystem::exists(layout_.Upload(uid_)));
  datasets_->FailAbandonedUploads(now_ + 8 * kDay);
  EXPECT_EQ(Get().state(), v1::Dataset::FAILED);
  EXPECT_EQ(GetErrorDetails(FromRpcStatus(Get().error())).reason, "UPLOAD_ABANDONED");
  EXPECT_FALSE(std::filesystem::exists(layout_.Upload(uid_)));
}

TEST_F(UploadTest, OneThatNeverBeganIsFailedToo) {
  datasets_->FailAbandonedUploads(now_ + 6 * kDay);
  EXPECT_EQ(Get().state(), v1::Dataset::UPLOADING);
  datasets_->FailAbandonedUploads(now_ + 8 * kDay);
  EXPECT_EQ(Get().state(), v1::Dataset::FAILED);
}

TEST_F(UploadTest, OneThatIsBeingWrittenIsLeftAlone) {
  EXPECT_TRUE(Write(0, [this] { datasets_->FailAbandonedUploads(now_ + 8 * kDay); }).ok());
  EXPECT_EQ(Get().state(), v1::Dataset::UPLOADING);
  EXPECT_EQ(Get().parts(0).committed_bytes(), 4);
}

TEST_F(UploadTest, OneThatLostBytesIsNotGoneOnWith) {
  ASSERT_TRUE(Write(0).ok());
  std::filesystem::resize_file(layout_.UploadData(uid_), 3);
  const auto status = Write(4);
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
  EXPECT_EQ(GetErrorDetails(status).reason, "UPLOAD_DAMAGED");
  EXPECT_EQ(Get().parts(0).committed_bytes(), 4);
}

}  // namespace
}  // namespace trainyard::server

#include "client/lib/dataset_upload.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <fstream>

#include "tests/client/fake_server.h"

namespace trainyard::client {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;

// Keeps what it is sent; the first `breaks` streams break after a chunk, of
// which only half is committed.
class BrokenUploads : public v1::DatasetService::Service {
 public:
  int breaks = 0;
  std::string content;
  bool finished = false;
  std::vector<std::int64_t> offsets;
  std::size_t largest_chunk = 0;

  grpc::Status WriteDataset(grpc::ServerContext*,
                            grpc::ServerReader<v1::WriteDatasetRequest>* reader,
                            v1::WriteDatasetResponse* response) override {
    v1::WriteDatasetRequest message;
    bool first = true;
    while (reader->Read(&message)) {
      if (first) offsets.push_back(message.offset());
      EXPECT_EQ(first, !message.name().empty());
      first = false;
      largest_chunk = std::max(largest_chunk, message.chunk().size());
      if (breaks > 0) {
        --breaks;
        content += message.chunk().substr(0, message.chunk().size() / 2);
        return {grpc::StatusCode::UNAVAILABLE, "broken"};
      }
      content += message.chunk();
      finished = message.finish_part();
    }
    response->set_committed_bytes(static_cast<std::int64_t>(content.size()));
    return grpc::Status::OK;
  }

  grpc::Status GetDataset(grpc::ServerContext*, const v1::GetDatasetRequest*,
                          v1::Dataset* dataset) override {
    dataset->set_state(v1::Dataset::UPLOADING);
    v1::UploadPart& part = *dataset->add_parts();
    part.set_kind(v1::UploadPart::DATA);
    part.set_committed_bytes(static_cast<std::int64_t>(content.size()));
    return grpc::Status::OK;
  }
};

class DatasetUpload : public testing::Test {
 protected:
  DatasetUpload() : file_(fs::temp_directory_path() / ("upload-" + std::to_string(getpid()))) {}
  ~DatasetUpload() override { fs::remove(file_); }

  std::string WriteFile(std::size_t size) {
    std::string content(size, '\0');
    for (std::size_t i = 0; i < size; ++i) content[i] = static_cast<char>(i * 31 >> 3);
    std::ofstream(file_, std::ios::binary) << content;
    return content;
  }
  grpc::Status Upload() {
    FakeServer server({&service_});
    Connection connection(server.address());
    UploadOptions options;
    options.first_delay = std::chrono::milliseconds(1);
    return UploadPartFile(connection, {"users/me/datasets/d", v1::UploadPart::DATA, file_},
                          options);
  }

  fs::path file_;
  BrokenUploads service_;
};

TEST_F(DatasetUpload, SendsChunksOfAMebibyte) {
  const std::string content = WriteFile((2 << 20) + 17);
  ASSERT_TRUE(Upload().ok());
  EXPECT_EQ(service_.content, content);
  EXPECT_TRUE(service_.finished);
  EXPECT_EQ(service_.largest_chunk, 1u << 20);
}

TEST_F(DatasetUpload, GoesOnFromWhatIsCommitted) {
  const std::string content = WriteFile(3 << 20);
  service_.breaks = 2;
  ASSERT_TRUE(Upload().ok());
  EXPECT_EQ(service_.content, content);
  EXPECT_THAT(service_.offsets, ElementsAre(0, 1 << 19, 1 << 20));
}

TEST_F(DatasetUpload, FinishesAnEmptyPart) {
  WriteFile(0);
  ASSERT_TRUE(Upload().ok());
  EXPECT_TRUE(service_.finished);
}

TEST_F(DatasetUpload, NamesAFileThatIsNotThere) {
  file_ = "/nonexistent/rows.csv";
  const grpc::Status status = Upload();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_THAT(status.error_message(), testing::HasSubstr("/nonexistent/rows.csv"));
}

}  // namespace
}  // namespace trainyard::client

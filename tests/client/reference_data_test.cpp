#include "client/lib/reference_data.h"

#include <gmock/gmock.h>
#include <unistd.h>
#include <zlib.h>

#include <fstream>

#include "client/lib/download.h"
#include "tests/client/http_server.h"

namespace trainyard::client {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

// "hello world\n" and its MD5.
constexpr char kContent[] = "hello world\n";
constexpr char kMd5[] = "6f5902ac237024bdd0c176cb93063dc4";

std::string Gzip(const std::string& content) {
  const fs::path path = fs::temp_directory_path() / ("gzip-" + std::to_string(getpid()));
  gzFile file = gzopen(path.c_str(), "wb");
  gzwrite(file, content.data(), static_cast<unsigned>(content.size()));
  gzclose(file);
  std::ifstream stream(path, std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(stream), {}};
  fs::remove(path);
  return bytes;
}

class ReferenceDataTest : public testing::Test {
 protected:
  ReferenceDataTest()
      : folder_(fs::temp_directory_path() / ("refdata-" + std::to_string(getpid()))) {
    setenv("no_proxy", "127.0.0.1", 1);
    fs::create_directories(folder_ / "own");
    places_.cache = folder_ / "cache";
    places_.notice = [this](const std::string& text) { notices_ += text + "\n"; };
  }
  ~ReferenceDataTest() override { fs::remove_all(folder_); }

  absl::StatusOr<fs::path> Locate() { return LocateReferenceFile(file_, {http_.url()}, places_); }
  bool CacheIsEmpty() const { return !fs::exists(places_.cache) || fs::is_empty(places_.cache); }
  void WriteOwn(const std::string& content) {
    std::ofstream(folder_ / "own" / file_.name, std::ios::binary) << content;
  }

  const fs::path folder_;
  HttpServer http_;
  ReferencePlaces places_;
  ReferenceFile file_{"words", kMd5, Content::kUncompressed};
  std::string notices_;
};

TEST_F(ReferenceDataTest, DownloadsOnceAndKeeps) {
  http_.Serve("/words.gz", Gzip(kContent));
  const auto path = Locate();
  ASSERT_TRUE(path.ok()) << path.status();
  EXPECT_EQ(*path, places_.cache / "words.gz");
  http_.Serve("/words.gz", "gone");
  EXPECT_TRUE(Locate().ok());
}

TEST_F(ReferenceDataTest, RefusesAWrongChecksum) {
  http_.Serve("/words.gz", Gzip("other words\n"));
  const auto path = Locate();
  EXPECT_EQ(path.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(path.status().message()), HasSubstr("checksum"));
  EXPECT_TRUE(CacheIsEmpty());
}

TEST_F(ReferenceDataTest, ReportsAMissingFile) {
  const auto path = Locate();
  EXPECT_EQ(path.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(path.status().message()), HasSubstr("404"));
  EXPECT_TRUE(CacheIsEmpty());
}

TEST_F(ReferenceDataTest, RefusesABodyShorterThanPromised) {
  http_.Serve("/words.gz", Gzip(kContent), /*missing_bytes=*/10);
  EXPECT_EQ(Locate().status().code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(CacheIsEmpty());
}

TEST_F(ReferenceDataTest, RefusesATruncatedGzipFile) {
  const std::string bytes = Gzip(std::string(100000, 'x') + kContent);
  http_.Serve("/words.gz", bytes.substr(0, bytes.size() - 12));
  const auto path = Locate();
  EXPECT_EQ(path.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_TRUE(CacheIsEmpty());
}

TEST_F(ReferenceDataTest, TriesTheNextMirror) {
  http_.Serve("/second/words.gz", Gzip(kContent));
  const auto path =
      LocateReferenceFile(file_, {http_.url() + "first/", http_.url() + "second"}, places_);
  EXPECT_TRUE(path.ok()) << path.status();
}

TEST_F(ReferenceDataTest, DownloadsADamagedCacheAgain) {
  http_.Serve("/words.gz", Gzip(kContent));
  fs::create_directories(places_.cache);
  std::ofstream(places_.cache / "words.gz") << "damaged";
  EXPECT_TRUE(Locate().ok());
  EXPECT_THAT(notices_, HasSubstr("damaged"));
}

TEST_F(ReferenceDataTest, AFolderOfTheUsersOwnIsUsedWithANotice) {
  places_.from = folder_ / "own";
  WriteOwn("my own words\n");
  EXPECT_TRUE(Locate().ok());
  EXPECT_THAT(notices_, HasSubstr("not the published file"));
}

TEST_F(ReferenceDataTest, AFolderWithoutTheFileIsAnErrorNotADownload) {
  http_.Serve("/words.gz", Gzip(kContent));
  places_.from = folder_ / "own";
  EXPECT_EQ(Locate().status().code(), absl::StatusCode::kNotFound);
}

TEST_F(ReferenceDataTest, DownloadKeepsItsLimit) {
  http_.Serve("/large", std::string(5000, 'x'));
  DownloadOptions options;
  options.max_bytes = 4000;
  const absl::Status status = Download(http_.url() + "large", folder_ / "large", options);
  EXPECT_THAT(std::string(status.message()), HasSubstr("larger than"));
  EXPECT_FALSE(fs::exists(folder_ / "large"));
}

TEST(ReferenceData, KnowsBothDatasets) {
  EXPECT_EQ(FindReferenceData("mnist")->splits[1].dataset, "mnist-test");
  EXPECT_EQ(FindReferenceData("fashion-mnist")->splits[0].dataset, "fashion-mnist-train");
  EXPECT_FALSE(FindReferenceData("cifar").ok());
}

}  // namespace
}  // namespace trainyard::client

#include <gtest/gtest.h>

#include "tests/core/ingest_fixture.h"

namespace trainyard {
namespace {

using GzipIngestTest = IngestTest;

const std::string kCsv = "1,2,3\n0,4,5\n";

TEST_F(GzipIngestTest, GivesTheDigestOfWhatIsInside) {
  const auto plain = IngestBytes(kCsv);
  ASSERT_TRUE(plain.ok()) << plain.status();
  for (const std::string& file : {Gzip(kCsv), Gzip("1,2,3\n") + Gzip("0,4,5\n"),
                                  Gzip("1,2,") + Gzip("") + Gzip("3\n0,4,5")}) {
    const auto info = IngestBytes(file);
    ASSERT_TRUE(info.ok()) << info.status();
    EXPECT_EQ(info->digest, plain->digest);
  }
  const auto idx = IngestBytes(Gzip(Idx({2, 2}, {2, 3, 4, 5})), Gzip(Idx({2}, {1, 0})));
  ASSERT_TRUE(idx.ok()) << idx.status();
  EXPECT_EQ(idx->digest, plain->digest);
}

TEST_F(GzipIngestTest, NamesEveryTruncation) {
  const std::string whole = Gzip(kCsv);
  for (std::size_t size = 2; size < whole.size(); ++size) {
    ExpectError(IngestBytes(whole.substr(0, size)).status(),
                {"", "", "GZIP_TRUNCATED", {{"file", "data"}}});
  }
}

TEST_F(GzipIngestTest, NamesDamage) {
  const WrongInput corrupt{"", "", "GZIP_CORRUPT", {{"file", "data"}}};
  std::string checksum = Gzip(kCsv);
  checksum[checksum.size() - 5] ^= 1;
  ExpectError(IngestBytes(checksum).status(), corrupt);
  ExpectError(IngestBytes("\x1f\x8b not gzip at all").status(), corrupt);
  ExpectError(IngestBytes(Gzip(kCsv) + "garbage").status(), corrupt);
  ExpectError(IngestBytes(Idx({2, 2}, {2, 3, 4, 5}), "\x1f\x8b not gzip at all").status(),
              {"", "", "GZIP_CORRUPT", {{"file", "labels"}}});
}

TEST_F(GzipIngestTest, StopsBombs) {
  const std::string bomb = Gzip(std::string(std::size_t{64} << 20, '\n'));
  const absl::Status status = IngestBytes(bomb).status();
  EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
  ExpectError(status, {"", "", "GZIP_RATIO_EXCEEDED", {{"file", "data"}, {"limit", "200"}}});
  // Within the first 16 MiB any ratio is accepted.
  const std::string small = Gzip("1,2\n" + std::string(std::size_t{8} << 20, '\n'));
  EXPECT_TRUE(IngestBytes(small).ok());
}

TEST_F(GzipIngestTest, RefusesGzipInGzipAndNothing) {
  ExpectError(IngestBytes(Gzip(Gzip(kCsv))).status(), {"", "", "FORMAT_UNSUPPORTED"});
  ExpectError(IngestBytes(Gzip("")).status(), {"", "", "EMPTY_FILE"});
}

}  // namespace
}  // namespace trainyard

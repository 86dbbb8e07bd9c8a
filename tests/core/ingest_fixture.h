// What the tests of ingest share: uploads made of strings.
#pragma once

#include <gtest/gtest.h>
#include <zlib.h>

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/base/error.h"
#include "core/data/dataset.h"
#include "core/data/ingest.h"
#include "core/data/npy.h"
#include "tests/support/temp_folder.h"

namespace trainyard {

class IngestTest : public testing::Test {
 protected:
  absl::StatusOr<DatasetInfo> IngestBytes(const std::string& data,
                                          const std::optional<std::string>& labels = std::nullopt) {
    IngestFiles files{.data = Store("data", data), .labels = {}};
    if (labels) files.labels = Store("labels", *labels);
    return IngestStored(files);
  }

  absl::StatusOr<DatasetInfo> IngestStored(const IngestFiles& files) {
    std::filesystem::remove_all(staging());
    std::filesystem::create_directory(staging());
    return Ingest(spec, files, staging(), limits);
  }

  // What was ingested last.
  Dataset Stored() { return *Dataset::Open(staging()); }
  std::filesystem::path staging() const { return folder_.path() / "staging"; }

  IngestSpec spec;
  IngestLimits limits;

 private:
  std::filesystem::path Store(const char* name, const std::string& bytes) {
    const std::filesystem::path path = folder_.path() / name;
    std::ofstream(path, std::ios::binary) << bytes;
    return path;
  }

  TempFolder folder_;
};

// A wrong upload and the error that it must give.
struct WrongInput {
  std::string name;
  std::string data;
  std::string reason;
  // Some of the metadata.
  std::map<std::string, std::string> metadata = {};
  IngestSpec spec = {};
  std::optional<std::string> labels = std::nullopt;
};

inline void PrintTo(const WrongInput& input, std::ostream* out) { *out << input.name; }

inline std::string NameOf(const testing::TestParamInfo<WrongInput>& info) {
  return info.param.name;
}

// The reason, the metadata, and that the message says line, column and value.
inline void ExpectError(const absl::Status& status, const WrongInput& expected) {
  ASSERT_FALSE(status.ok()) << "accepted";
  const ErrorDetails details = GetErrorDetails(status);
  const std::string message(status.message());
  EXPECT_EQ(details.reason, expected.reason) << message;
  for (const auto& [key, value] : expected.metadata) {
    ASSERT_EQ(details.metadata.count(key), 1U) << key << " is missing: " << message;
    EXPECT_EQ(details.metadata.at(key), value) << key;
    if (key == "row" && details.metadata.count("line") == 1) continue;
    EXPECT_NE(message.find(value), std::string::npos) << key << " is not in: " << message;
  }
}

inline std::string Gzip(const std::string& text) {
  z_stream stream{};
  // 15 bits of window and a gzip header.
  deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::vector<Bytef> in(text.begin(), text.end());
  std::vector<Bytef> out(deflateBound(&stream, text.size()));
  stream.next_in = in.data();
  stream.avail_in = static_cast<uInt>(in.size());
  stream.next_out = out.data();
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  std::string result(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(stream.total_out));
  deflateEnd(&stream);
  return result;
}

// An IDX file of unsigned bytes, or of another type.
inline std::string Idx(std::initializer_list<std::uint32_t> shape, const std::string& bytes,
                       char type = 0x08) {
  std::string file{0, 0, type, static_cast<char>(shape.size())};
  for (const std::uint32_t size : shape) {
    for (const int shift : {24, 16, 8, 0}) file += static_cast<char>(size >> shift & 0xFF);
  }
  return file + bytes;
}

// An NPY file with any header.
inline std::string NpyOf(const std::string& descr, const std::string& shape,
                         const std::string& bytes, const std::string& fortran = "False") {
  std::string dict =
      "{'descr': '" + descr + "', 'fortran_order': " + fortran + ", 'shape': " + shape + ", }";
  dict.resize(117, ' ');
  return std::string("\x93NUMPY\x01\x00\x76\x00", 10) + dict + "\n" + bytes;
}

template <typename T>
std::string BytesOf(std::initializer_list<T> values) {
  std::string bytes(values.size() * sizeof(T), '\0');
  std::memcpy(bytes.data(), values.begin(), bytes.size());
  return bytes;
}

}  // namespace trainyard

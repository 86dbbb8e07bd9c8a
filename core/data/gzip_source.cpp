#include "core/data/gzip_source.h"

#define ZLIB_CONST
#include <zlib.h>

#include <algorithm>
#include <array>
#include <utility>

#include "core/data/input_error.h"

namespace trainyard {
namespace {

constexpr std::int64_t kFreeBytes = std::int64_t{16} << 20;
// zlib: 15 bits of window, and a gzip header rather than a zlib one.
constexpr int kGzipWindowBits = 15 + 16;

class GzipSource : public ByteSource {
 public:
  GzipSource(std::unique_ptr<ByteSource> compressed, std::string file, int max_ratio)
      : compressed_(std::move(compressed)), file_(std::move(file)), max_ratio_(max_ratio) {}
  ~GzipSource() override {
    if (started_) inflateEnd(&stream_);
  }
  GzipSource(const GzipSource&) = delete;
  GzipSource& operator=(const GzipSource&) = delete;

  absl::StatusOr<std::size_t> Read(std::span<std::uint8_t> out) override {
    if (absl::Status status = Start(); !status.ok()) return status;
    out = out.first(std::min(out.size(), kMostAtOnce));
    stream_.next_out = out.data();
    stream_.avail_out = static_cast<uInt>(out.size());
    // Until there is something: a block, or the header of the next member, may
    // give no output.
    while (stream_.avail_out == out.size()) {
      const absl::StatusOr<bool> more = Refill();
      if (!more.ok()) return more.status();
      if (!*more && between_members_) return std::size_t{0};
      if (!*more) {
        return InputError("GZIP_TRUNCATED", {.file = file_},
                          "the gzip file ends too early; it was perhaps not copied whole");
      }
      if (absl::Status status = Inflate(); !status.ok()) return status;
    }
    const std::size_t size = out.size() - stream_.avail_out;
    produced_ += static_cast<std::int64_t>(size);
    return size;
  }

 private:
  static constexpr std::size_t kMostAtOnce = std::size_t{1} << 20;

  absl::Status Start() {
    if (started_) return absl::OkStatus();
    if (inflateInit2(&stream_, kGzipWindowBits) != Z_OK) {
      return absl::ResourceExhaustedError("no memory to decompress with");
    }
    started_ = true;
    return absl::OkStatus();
  }

  // Sees to it that there is input; false at its end.
  absl::StatusOr<bool> Refill() {
    if (stream_.avail_in > 0) return true;
    const absl::StatusOr<std::size_t> size = compressed_->Read(input_);
    if (!size.ok()) return size.status();
    stream_.next_in = input_.data();
    stream_.avail_in = static_cast<uInt>(*size);
    return *size > 0;
  }

  absl::Status Inflate() {
    if (between_members_ && !at_start_) inflateReset(&stream_);
    at_start_ = between_members_ = false;
    const uInt input_before = stream_.avail_in;
    const uInt output_before = stream_.avail_out;
    const int result = inflate(&stream_, Z_NO_FLUSH);
    consumed_ += input_before - stream_.avail_in;
    between_members_ = result == Z_STREAM_END;
    if (result == Z_MEM_ERROR) {
      return absl::ResourceExhaustedError("no memory to decompress with");
    }
    if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) {
      return InputError("GZIP_CORRUPT", {.file = file_},
                        "the gzip file is damaged; compress or copy it again");
    }
    return CheckRatio(produced_ + (output_before - stream_.avail_out));
  }

  absl::Status CheckRatio(std::int64_t produced) const {
    if ((produced - kFreeBytes) / max_ratio_ <= consumed_) return absl::OkStatus();
    return LimitError("GZIP_RATIO_EXCEEDED", {.file = file_}, max_ratio_,
                      "the gzip file decompresses to more than " + std::to_string(max_ratio_) +
                          " times its size; upload it uncompressed");
  }

  std::unique_ptr<ByteSource> compressed_;
  std::string file_;
  std::int64_t max_ratio_;
  std::array<std::uint8_t, std::size_t{1} << 16> input_;
  z_stream stream_{};
  bool started_ = false;
  bool at_start_ = true;
  // After a whole member: the one place where the input may end.
  bool between_members_ = false;
  std::int64_t consumed_ = 0;
  std::int64_t produced_ = 0;
};

}  // namespace

std::unique_ptr<ByteSource> MakeGzipSource(std::unique_ptr<ByteSource> compressed, std::string file,
                                           int max_ratio) {
  return std::make_unique<GzipSource>(std::move(compressed), std::move(file), max_ratio);
}

}  // namespace trainyard

#include "core/data/byte_source.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "core/base/error.h"

namespace trainyard {
namespace {

constexpr std::size_t kBlockBytes = std::size_t{1} << 18;

class FileSource : public ByteSource {
 public:
  FileSource(int descriptor, std::filesystem::path path)
      : descriptor_(descriptor), path_(std::move(path)) {}
  ~FileSource() override { ::close(descriptor_); }
  FileSource(const FileSource&) = delete;
  FileSource& operator=(const FileSource&) = delete;

  absl::StatusOr<std::size_t> Read(std::span<std::uint8_t> out) override {
    for (;;) {
      const ssize_t size = ::read(descriptor_, out.data(), out.size());
      if (size >= 0) return static_cast<std::size_t>(size);
      if (errno != EINTR) return SystemError(errno, "read", path_.native());
    }
  }

 private:
  int descriptor_;
  std::filesystem::path path_;
};

class MemorySource : public ByteSource {
 public:
  explicit MemorySource(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}

  absl::StatusOr<std::size_t> Read(std::span<std::uint8_t> out) override {
    const std::size_t size = std::min(out.size(), bytes_.size());
    std::copy_n(bytes_.begin(), size, out.begin());
    bytes_ = bytes_.subspan(size);
    return size;
  }

 private:
  std::span<const std::uint8_t> bytes_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<ByteSource>> OpenFileSource(const std::filesystem::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return SystemError(errno, "open", path.native());
  return std::unique_ptr<ByteSource>(std::make_unique<FileSource>(descriptor, path));
}

std::unique_ptr<ByteSource> MakeMemorySource(std::span<const std::uint8_t> bytes) {
  return std::make_unique<MemorySource>(bytes);
}

BufferedReader::BufferedReader(std::unique_ptr<ByteSource> source) : source_(std::move(source)) {}

absl::StatusOr<bool> BufferedReader::Fill() {
  if (at_end_) return false;
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, available());
    end_ -= begin_;
    begin_ = 0;
  }
  if (buffer_.size() - end_ < kBlockBytes) {
    buffer_.resize(std::max(end_ + kBlockBytes, 2 * end_));
  }
  const absl::StatusOr<std::size_t> size = source_->Read(std::span(buffer_).subspan(end_));
  if (!size.ok()) return size.status();
  end_ += *size;
  at_end_ = *size == 0;
  return !at_end_;
}

absl::StatusOr<std::span<const std::uint8_t>> BufferedReader::Peek(std::size_t size) {
  while (available() < size) {
    const absl::StatusOr<bool> more = Fill();
    if (!more.ok()) return more.status();
    if (!*more) break;
  }
  return std::span<const std::uint8_t>(buffer_).subspan(begin_, std::min(size, available()));
}

absl::StatusOr<std::span<const std::uint8_t>> BufferedReader::Take(std::size_t size) {
  auto bytes = Peek(size);
  if (bytes.ok()) begin_ += bytes->size();
  return bytes;
}

absl::StatusOr<std::optional<std::string_view>> BufferedReader::TakeLine(std::size_t max_bytes) {
  // What has been searched already.
  std::size_t searched = 0;
  for (;;) {
    const char* const text = reinterpret_cast<const char*>(buffer_.data()) + begin_;
    const std::string_view unseen(text + searched, available() - searched);
    const std::size_t newline = unseen.find('\n');
    if (newline != std::string_view::npos) {
      std::string_view line(text, searched + newline);
      begin_ += line.size() + 1;
      if (line.ends_with('\r')) line.remove_suffix(1);
      return line;
    }
    searched = available();
    // One more for a carriage return.
    const bool too_long = searched > max_bytes + 1;
    absl::StatusOr<bool> more = false;
    if (!too_long) more = Fill();
    if (!more.ok()) return more.status();
    if (*more) continue;
    const char* const rest = reinterpret_cast<const char*>(buffer_.data()) + begin_;
    std::string_view line(rest, available());
    begin_ = end_;
    if (line.empty()) return std::nullopt;
    if (line.ends_with('\r')) line.remove_suffix(1);
    return line;
  }
}

}  // namespace trainyard

// Streams of bytes that parsers read from: plain and gzip files, and memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace trainyard {

// A stream read once, from front to back, by one thread.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  // Fills the front of `out`, which is not empty; how many bytes, 0 at the end.
  virtual absl::StatusOr<std::size_t> Read(std::span<std::uint8_t> out) = 0;
};

// Errors: that of the system call.
absl::StatusOr<std::unique_ptr<ByteSource>> OpenFileSource(const std::filesystem::path& path);

// Reads `bytes`, which outlive the source.
std::unique_ptr<ByteSource> MakeMemorySource(std::span<const std::uint8_t> bytes);

// Lines and fixed-size pieces of a source, through a buffer that grows only as
// far as what is asked for. Views are valid until the next call.
class BufferedReader {
 public:
  explicit BufferedReader(std::unique_ptr<ByteSource> source);

  // Up to `size` bytes at the front without taking them; fewer only at the end.
  absl::StatusOr<std::span<const std::uint8_t>> Peek(std::size_t size);
  // Takes up to `size` bytes; fewer only at the end.
  absl::StatusOr<std::span<const std::uint8_t>> Take(std::size_t size);
  // Takes a line, without its "\n" or "\r\n"; nothing at the end. Where a line
  // is longer than `max_bytes`, its first max_bytes + 1 bytes or more, once.
  absl::StatusOr<std::optional<std::string_view>> TakeLine(std::size_t max_bytes);
  // Bytes that can be taken without reading.
  std::size_t available() const { return end_ - begin_; }

 private:
  // Reads once more into the buffer; false at the end of the source.
  absl::StatusOr<bool> Fill();

  std::unique_ptr<ByteSource> source_;
  std::vector<std::uint8_t> buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  bool at_end_ = false;
};

}  // namespace trainyard

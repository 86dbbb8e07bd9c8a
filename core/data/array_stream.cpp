#include "core/data/array_stream.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

#include "core/data/input_error.h"

namespace trainyard {
namespace {

template <typename T>
void Convert(bool big_endian, std::span<const std::uint8_t> raw, std::span<double> out) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    std::array<std::uint8_t, sizeof(T)> bytes;
    std::copy_n(raw.begin() + static_cast<std::ptrdiff_t>(i * sizeof(T)), sizeof(T), bytes.begin());
    if (big_endian) std::ranges::reverse(bytes);
    T value;
    std::memcpy(&value, bytes.data(), sizeof(T));
    out[i] = static_cast<double>(value);
  }
}

}  // namespace

std::int64_t ArrayStream::row_elements() const {
  std::int64_t elements = 1;
  for (std::size_t i = 1; i < shape.size(); ++i) {
    if (__builtin_mul_overflow(elements, shape[i], &elements)) {
      return std::numeric_limits<std::int64_t>::max();
    }
  }
  return elements;
}

absl::StatusOr<std::span<const std::uint8_t>> ArrayStream::TakeRow(std::int64_t row) {
  const auto size = static_cast<std::size_t>(row_elements() * type.bytes);
  auto bytes = reader->Take(size);
  if (!bytes.ok() || bytes->size() == size) return bytes;
  return MismatchError(format + "_TRUNCATED", {.file = file, .row = row}, rows(), row,
                       "the header says " + std::to_string(rows()) +
                           " rows, and the file ends within row " + std::to_string(row) +
                           "; it was perhaps not copied whole");
}

absl::Status ArrayStream::ExpectEnd() {
  const auto rest = reader->Peek(1);
  if (!rest.ok()) return rest.status();
  if (rest->empty()) return absl::OkStatus();
  return InputError(format + "_TRAILING_BYTES", {.file = file},
                    "bytes follow the " + std::to_string(rows()) + " rows that the header says");
}

void ConvertElements(const ElementType& type, std::span<const std::uint8_t> raw,
                     std::span<double> out) {
  const bool swap = type.big_endian;
  switch (type.kind * 16 + type.bytes) {
    case 'b' * 16 + 1:
      std::ranges::transform(raw, out.begin(), [](std::uint8_t x) { return x != 0 ? 1.0 : 0.0; });
      break;
    case 'u' * 16 + 1:
      return Convert<std::uint8_t>(swap, raw, out);
    case 'i' * 16 + 1:
      return Convert<std::int8_t>(swap, raw, out);
    case 'u' * 16 + 2:
      return Convert<std::uint16_t>(swap, raw, out);
    case 'i' * 16 + 2:
      return Convert<std::int16_t>(swap, raw, out);
    case 'u' * 16 + 4:
      return Convert<std::uint32_t>(swap, raw, out);
    case 'i' * 16 + 4:
      return Convert<std::int32_t>(swap, raw, out);
    case 'u' * 16 + 8:
      return Convert<std::uint64_t>(swap, raw, out);
    case 'i' * 16 + 8:
      return Convert<std::int64_t>(swap, raw, out);
    case 'f' * 16 + 4:
      return Convert<float>(swap, raw, out);
    case 'f' * 16 + 8:
      return Convert<double>(swap, raw, out);
    default:
      break;
  }
}

}  // namespace trainyard

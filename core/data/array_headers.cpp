#include "core/data/array_headers.h"

#include <utility>

#include "core/data/input_error.h"
#include "core/data/npy.h"

namespace trainyard {
namespace {

constexpr int kIdxUint8 = 0x08;
constexpr int kIdxFloat32 = 0x0D;
constexpr int kIdxMostDimensions = 4;

std::uint32_t BigEndian(std::span<const std::uint8_t> bytes) {
  return std::uint32_t{bytes[0]} << 24 | std::uint32_t{bytes[1]} << 16 |
         std::uint32_t{bytes[2]} << 8 | std::uint32_t{bytes[3]};
}

std::string Hexadecimal(std::span<const std::uint8_t> bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text = "0x";
  for (const std::uint8_t byte : bytes) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

absl::Status IdxTruncated(const std::string& file) {
  return InputError("IDX_TRUNCATED", {.file = file}, "the IDX file ends within its header");
}

bool IsSupported(const NpyHeader& header) {
  const int bytes = header.item_bytes;
  switch (header.kind) {
    case 'b':
      return bytes == 1;
    case 'i':
    case 'u':
      return bytes == 1 || bytes == 2 || bytes == 4 || bytes == 8;
    case 'f':
      return bytes == 4 || bytes == 8;
    default:
      return false;
  }
}

// An error of npy.h, which knows no files, with the file named.
absl::StatusOr<NpyHeader> TakeNpyHeader(BufferedReader& reader) {
  const auto prefix = reader.Peek(kNpyPrefixBytes);
  if (!prefix.ok()) return prefix.status();
  const auto size = NpyHeaderSize(*prefix);
  if (!size.ok()) return size.status();
  const auto bytes = reader.Take(static_cast<std::size_t>(*size));
  if (!bytes.ok()) return bytes.status();
  return ParseNpyHeader(*bytes);
}

}  // namespace

absl::StatusOr<ArrayStream> ReadIdxHeader(BufferedReader& reader, const std::string& file) {
  const auto magic = reader.Take(4);
  if (!magic.ok()) return magic.status();
  if (magic->size() < 4) return IdxTruncated(file);
  const int type = (*magic)[2];
  const int dimensions = (*magic)[3];
  if ((*magic)[0] != 0 || (*magic)[1] != 0 || type < kIdxUint8 || type > 0x0E || type == 0x0A ||
      dimensions < 1 || dimensions > kIdxMostDimensions) {
    return InputError("IDX_WRONG_MAGIC", {.file = file, .value = Hexadecimal(*magic)},
                      "the file is no IDX file; images begin with 0x00000803 and labels with "
                      "0x00000801");
  }
  if (type != kIdxUint8 && type != kIdxFloat32) {
    return InputError("IDX_TYPE_UNSUPPORTED", {.file = file, .value = Hexadecimal(*magic)},
                      "IDX files of unsigned bytes (type 08) and 32-bit floats (type 0D) are read");
  }
  ArrayStream stream{.format = "IDX", .file = file, .type = {}, .shape = {}, .reader = &reader};
  stream.type = type == kIdxUint8 ? ElementType{'u', 1, false} : ElementType{'f', 4, true};
  for (int i = 0; i < dimensions; ++i) {
    const auto size = reader.Take(4);
    if (!size.ok()) return size.status();
    if (size->size() < 4) return IdxTruncated(file);
    stream.shape.push_back(BigEndian(*size));
  }
  return stream;
}

absl::StatusOr<ArrayStream> ReadNpyHeader(BufferedReader& reader, const std::string& file) {
  auto header = TakeNpyHeader(reader);
  if (!header.ok()) return WithFile(header.status(), file);
  if (!IsSupported(*header)) {
    return InputError("NPY_TYPE_UNSUPPORTED", {.file = file, .value = header->descr()},
                      "the elements are neither booleans, integers nor 32-bit or 64-bit floats; "
                      "convert the array with numpy's astype");
  }
  if (header->fortran_order && header->shape.size() > 1) {
    return InputError("NPY_FORTRAN_ORDER", {.file = file},
                      "the array is stored column by column; save numpy.ascontiguousarray of it");
  }
  return ArrayStream{.format = "NPY",
                     .file = file,
                     .type = {header->kind, header->item_bytes, header->byte_order == '>'},
                     .shape = std::move(header->shape),
                     .reader = &reader};
}

}  // namespace trainyard

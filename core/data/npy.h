// Headers of .npy files, versions 1.0 and 2.0: a magic, a version, a length and
// a Python dict literal with the keys descr, fortran_order and shape.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace trainyard {

// Every header that we write is this long, so that the number of rows can be
// filled in once it is known, and the data is aligned.
inline constexpr std::int64_t kNpyHeaderBytes = 128;
// Magic, version and the longer of the two lengths.
inline constexpr std::size_t kNpyPrefixBytes = 12;

struct NpyHeader {
  // numpy's: '<', '>', or '|' where a byte order has no meaning.
  char byte_order = '|';
  // 'b' bool, 'i' signed, 'u' unsigned, 'f' floating point, or another letter
  // that the caller refuses.
  char kind = 'u';
  int item_bytes = 1;
  bool fortran_order = false;
  std::vector<std::int64_t> shape;
  // Of the first item, from the start of the file.
  std::int64_t data_offset = 0;

  // As in the file, e.g. "<f4".
  std::string descr() const;
};

// Bytes of the header, prefix included. `prefix` holds the first
// kNpyPrefixBytes of the file, or all of a shorter one.
// Errors: INVALID_ARGUMENT with reason NPY_WRONG_MAGIC, NPY_VERSION_UNSUPPORTED,
// NPY_TRUNCATED or NPY_HEADER_INVALID.
absl::StatusOr<std::int64_t> NpyHeaderSize(std::span<const std::uint8_t> prefix);

// Reads a whole header, NpyHeaderSize() long. Strict: unknown or repeated keys
// and anything but plain literals are refused.
// Errors: as above, and NPY_TYPE_UNSUPPORTED for a structured type.
absl::StatusOr<NpyHeader> ParseNpyHeader(std::span<const std::uint8_t> bytes);

// A version 1.0 header of kNpyHeaderBytes. `shape` has one or two entries.
std::string MakeNpyHeader(std::string_view descr, std::span<const std::int64_t> shape);

}  // namespace trainyard

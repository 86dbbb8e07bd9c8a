// An array of numbers in a binary file, IDX or NPY, read front to back.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/data/byte_source.h"

namespace trainyard {

// How one element is stored.
struct ElementType {
  // 'b' bool, 'i' signed, 'u' unsigned, 'f' floating point.
  char kind = 'u';
  // 1, 2, 4 or 8; 4 or 8 for floating point.
  int bytes = 1;
  bool big_endian = false;

  bool is_byte() const { return kind == 'u' && bytes == 1; }
};

// What follows the header of an array file.
struct ArrayStream {
  // "IDX" or "NPY", the beginning of the reasons of errors.
  std::string format;
  // "data" or "labels".
  std::string file;
  ElementType type;
  std::vector<std::int64_t> shape;
  BufferedReader* reader = nullptr;

  std::int64_t rows() const { return shape.empty() ? 0 : shape[0]; }
  // Elements in a row, saturated.
  std::int64_t row_elements() const;

  // The bytes of the next row, valid until the next call.
  // Errors: <format>_TRUNCATED.
  absl::StatusOr<std::span<const std::uint8_t>> TakeRow(std::int64_t row);
  // Errors: <format>_TRAILING_BYTES unless all was read.
  absl::Status ExpectEnd();
};

// Reads `raw`, elements of `type`, into `out`.
void ConvertElements(const ElementType& type, std::span<const std::uint8_t> raw,
                     std::span<double> out);

}  // namespace trainyard

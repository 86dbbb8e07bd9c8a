// The headers of IDX and NPY files.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "core/data/array_stream.h"

namespace trainyard {

// Reads the header and leaves `reader`, which outlives the stream, at the first
// row. `file` ("data" or "labels") is for errors.
//
// IDX (LeCun): two zero bytes, a type, the number of dimensions, then each
// dimension in 32 bits, all big-endian. Unsigned bytes (0x08) and 32-bit floats
// (0x0D), one dimension to four.
// Errors: INVALID_ARGUMENT with reason IDX_WRONG_MAGIC, IDX_TYPE_UNSUPPORTED or
// IDX_TRUNCATED.
absl::StatusOr<ArrayStream> ReadIdxHeader(BufferedReader& reader, const std::string& file);

// Booleans, integers of 8 to 64 bits and floats of 32 and 64, either byte order.
// Errors: INVALID_ARGUMENT with those of npy.h and NPY_TYPE_UNSUPPORTED or
// NPY_FORTRAN_ORDER.
absl::StatusOr<ArrayStream> ReadNpyHeader(BufferedReader& reader, const std::string& file);

}  // namespace trainyard

// Errors about what an uploaded file holds: where it is, and what is there.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace trainyard {

// Where in an upload something is wrong; what is unset is left out.
struct Place {
  // "data" or "labels".
  std::string file = {};
  // From 1.
  std::int64_t line = 0;
  // From 0.
  std::int64_t row = -1;
  // From 1.
  std::int64_t column = 0;
  std::string column_name = {};
  std::optional<std::string> value = std::nullopt;
};

// INVALID_ARGUMENT. Metadata file, line, row, column, columnName and value; the
// message is `what` after the same place in words, then the value.
absl::Status InputError(std::string_view reason, const Place& place, std::string_view what);

// The same about two numbers, as metadata expected and found.
absl::Status MismatchError(std::string_view reason, const Place& place, std::int64_t expected,
                           std::int64_t found, std::string_view what);

// RESOURCE_EXHAUSTED: over one of IngestLimits; metadata limit.
absl::Status LimitError(std::string_view reason, const Place& place, std::int64_t limit,
                        std::string_view what);

// `status` with metadata file, and the file named in front of the message.
absl::Status WithFile(const absl::Status& status, const std::string& file);

// The text in double quotes, cut to 64 bytes, valid UTF-8 without control
// characters whatever it holds.
std::string Quoted(std::string_view text);
// The same without quotes.
std::string Printable(std::string_view text);

}  // namespace trainyard

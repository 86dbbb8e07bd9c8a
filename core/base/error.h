// Errors of core: absl::Status with a code, a stable reason, and where it
// applies the field, file, line and value that are wrong.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace trainyard {

// What an error is about, beyond its code and message. Becomes
// google.rpc.ErrorInfo (and a field violation) at the edge of the server.
struct ErrorDetails {
  // UPPER_SNAKE_CASE, stable: scripts may rely on it.
  std::string reason;
  // Field of the request or spec that is wrong, e.g. "layers[1].units"; empty
  // where none is.
  std::string field;
  // Further facts, e.g. {"line": "17", "column": "3", "value": "abc"}.
  std::map<std::string, std::string> metadata;
};

// A status with details. `message` says what is wrong and what to do.
absl::Status MakeError(absl::StatusCode code, ErrorDetails details, std::string_view message);

// INVALID_ARGUMENT about one field.
absl::Status FieldError(std::string_view field, std::string_view reason, std::string_view message);

// The details of a status made by MakeError; empty ones for any other.
ErrorDetails GetErrorDetails(const absl::Status& status);

// A status for a failed system call, from errno; `path` names the file.
absl::Status SystemError(int error_number, std::string_view action, std::string_view path);

}  // namespace trainyard

// The fields of one line of a CSV file.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "core/data/input_error.h"

namespace trainyard {

// Takes the fields of a line from left to right. A field may be in double
// quotes, with "" for a quote inside, and have spaces around it.
class CsvLine {
 public:
  explicit CsvLine(std::string_view line) : rest_(line) {}

  bool done() const { return done_; }
  // Where the next field begins.
  std::string_view rest() const { return rest_; }
  // Goes on from a later place in the same line.
  void Skip(std::size_t size) { rest_.remove_prefix(size); }
  // Moves over the comma, or to the end of the line.
  void SkipComma();

  // The next field without its quotes, and moves over the comma. Valid until
  // the next call. `place` is for errors: INVALID_ARGUMENT with reason
  // QUOTE_NOT_CLOSED or QUOTE_MISPLACED.
  absl::StatusOr<std::string_view> TakeField(const Place& place);

 private:
  absl::StatusOr<std::string_view> TakeQuoted(const Place& place);

  std::string_view rest_;
  std::string unquoted_;
  bool done_ = false;
};

// All fields, spaces around them removed. Errors as above.
absl::StatusOr<std::vector<std::string>> SplitCsvLine(std::string_view line, std::int64_t number);

}  // namespace trainyard

// Numbers as people write them in CSV files, and labels among them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "core/data/input_error.h"

namespace trainyard {

enum class NumberError { kNone, kNotANumber, kNotFinite, kOutOfRange };

// Reads the whole of `text`, which may have spaces around it, as a finite
// number that a float can hold; too small a one is zero.
NumberError ParseNumber(std::string_view text, double& out);

// The error for `error`, which is not kNone: NOT_A_NUMBER, NOT_FINITE or
// OUT_OF_RANGE.
absl::Status DescribeNumberError(NumberError error, const Place& place);

// Whether a number can be stored as a feature or target.
NumberError CheckStorable(double value);

// The shortest text that gives the same number again.
std::string FormatNumber(double value);

// What a label may be.
class LabelRule {
 public:
  // `class_count` 0 for as many as there are, up to `max_classes`.
  LabelRule(int class_count, int max_classes)
      : class_count_(class_count), max_classes_(max_classes) {}

  std::optional<std::int32_t> Accept(double value) const;
  // The error for a value not accepted: LABEL_NOT_INTEGER, LABEL_OUT_OF_RANGE,
  // or TOO_MANY_CLASSES (RESOURCE_EXHAUSTED).
  absl::Status Describe(double value, const Place& place) const;

 private:
  int class_count_;
  int max_classes_;
};

}  // namespace trainyard

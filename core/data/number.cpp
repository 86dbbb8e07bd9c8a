#include "core/data/number.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <string>

namespace trainyard {
namespace {

std::string_view Trim(std::string_view text) {
  const auto is_space = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

}  // namespace

NumberError ParseNumber(std::string_view text, double& out) {
  text = Trim(text);
  // from_chars takes no plus sign; "+-1" is not a number either.
  if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::invalid_argument || end != text.data() + text.size()) {
    return NumberError::kNotANumber;
  }
  if (error == std::errc::result_out_of_range) {
    // from_chars does not say whether it is too large or too small.
    value = std::strtod(std::string(text).c_str(), nullptr);
    if (std::isinf(value)) return NumberError::kOutOfRange;
  }
  out = value;
  return CheckStorable(value);
}

NumberError CheckStorable(double value) {
  if (!std::isfinite(value)) return NumberError::kNotFinite;
  // What rounds to the largest float is stored as that; the next half step up
  // rounds to infinity.
  constexpr double kLargest = 0x1.ffffffp127;
  return std::abs(value) < kLargest ? NumberError::kNone : NumberError::kOutOfRange;
}

std::string FormatNumber(double value) {
  std::array<char, 32> text;
  const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() ? std::string(text.data(), end) : std::string();
}

absl::Status DescribeNumberError(NumberError error, const Place& place) {
  if (error == NumberError::kNotFinite) {
    return InputError("NOT_FINITE", place,
                      "not a finite number; remove the row or fill in a value");
  }
  if (error == NumberError::kOutOfRange) {
    return InputError("OUT_OF_RANGE", place, "too large for a 32-bit floating-point number");
  }
  return InputError("NOT_A_NUMBER", place,
                    place.value && Trim(*place.value).empty()
                        ? "the field is empty, where a number is needed"
                        : "not a number");
}

std::optional<std::int32_t> LabelRule::Accept(double value) const {
  const int end = class_count_ > 0 ? class_count_ : max_classes_;
  // Written so that NaN is refused.
  if (!(value >= 0 && value < end) || value != std::floor(value)) return std::nullopt;
  return static_cast<std::int32_t>(value);
}

absl::Status LabelRule::Describe(double value, const Place& place) const {
  if (!(value == std::floor(value))) {
    return InputError("LABEL_NOT_INTEGER", place,
                      "a label is an integer, 0 for the first class; for real targets create "
                      "the dataset for regression");
  }
  if (value < 0) {
    return InputError("LABEL_OUT_OF_RANGE", place, "a label is negative; they count from 0");
  }
  if (class_count_ > 0) {
    return InputError("LABEL_OUT_OF_RANGE", place,
                      "with " + std::to_string(class_count_) + " classes labels are from 0 to " +
                          std::to_string(class_count_ - 1));
  }
  return LimitError("TOO_MANY_CLASSES", place, max_classes_,
                    "a label is above " + std::to_string(max_classes_ - 1) +
                        ", the largest that is accepted; is it the right column?");
}

}  // namespace trainyard

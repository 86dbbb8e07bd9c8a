#include "core/data/csv_line.h"

namespace trainyard {

void CsvLine::SkipComma() {
  if (rest_.empty()) {
    done_ = true;
  } else {
    rest_.remove_prefix(1);
  }
}

absl::StatusOr<std::string_view> CsvLine::TakeField(const Place& place) {
  const std::size_t first = rest_.find_first_not_of(" \t");
  if (first != std::string_view::npos && rest_[first] == '"') {
    rest_.remove_prefix(first + 1);
    return TakeQuoted(place);
  }
  const std::string_view field = rest_.substr(0, rest_.find(','));
  rest_.remove_prefix(field.size());
  SkipComma();
  return field;
}

absl::StatusOr<std::string_view> CsvLine::TakeQuoted(const Place& place) {
  unquoted_.clear();
  for (;;) {
    const std::size_t quote = rest_.find('"');
    if (quote == std::string_view::npos) {
      return InputError("QUOTE_NOT_CLOSED", place,
                        "a quoted field does not end on its line; fields have one line each");
    }
    unquoted_.append(rest_.substr(0, quote));
    rest_.remove_prefix(quote + 1);
    if (!rest_.starts_with('"')) break;
    unquoted_ += '"';
    rest_.remove_prefix(1);
  }
  const std::size_t after = rest_.find_first_not_of(" \t");
  rest_.remove_prefix(after == std::string_view::npos ? rest_.size() : after);
  if (!rest_.empty() && rest_.front() != ',') {
    return InputError("QUOTE_MISPLACED", place,
                      "text follows the closing quote; a quote within quotes is written twice");
  }
  SkipComma();
  return std::string_view(unquoted_);
}

absl::StatusOr<std::vector<std::string>> SplitCsvLine(std::string_view text, std::int64_t number) {
  std::vector<std::string> fields;
  CsvLine line(text);
  while (!line.done()) {
    const auto field =
        line.TakeField({.line = number, .column = static_cast<std::int64_t>(fields.size()) + 1});
    if (!field.ok()) return field.status();
    const std::size_t first = field->find_first_not_of(" \t");
    if (first == std::string_view::npos) {
      fields.emplace_back();
    } else {
      fields.emplace_back(field->substr(first, field->find_last_not_of(" \t") - first + 1));
    }
  }
  return fields;
}

}  // namespace trainyard

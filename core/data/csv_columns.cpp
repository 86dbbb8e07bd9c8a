#include "core/data/csv_columns.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "core/base/error.h"
#include "core/data/input_error.h"
#include "core/data/number.h"

namespace trainyard {
namespace {

constexpr std::array<std::string_view, 3> kLabelNames = {"label", "target", "class"};
constexpr std::array<std::string_view, 3> kTargetNames = {"target", "label", "class"};
constexpr std::size_t kMostListed = 20;

bool SameIgnoringCase(std::string_view a, std::string_view b) {
  return std::ranges::equal(
      a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

bool IsNumber(const std::string& field) {
  double value = 0;
  return ParseNumber(field, value) != NumberError::kNotANumber;
}

std::optional<std::size_t> ParseIndex(std::string_view text) {
  std::size_t index = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), index);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return index;
}

// The columns that the user named, of the label or of the targets.
std::vector<std::string> NamedColumns(const IngestSpec& spec) {
  if (spec.task == Task::kRegression && !spec.target_columns.empty()) return spec.target_columns;
  if (spec.label_column.empty()) return {};
  return {spec.label_column};
}

bool IsHeader(const std::vector<std::string>& fields, const std::vector<std::string>& named) {
  const auto names_a_column = [&](const std::string& field) {
    if (std::ranges::any_of(kLabelNames,
                            [&](std::string_view name) { return SameIgnoringCase(field, name); })) {
      return true;
    }
    // An index is not looked for among the values.
    return !ParseIndex(field) && std::ranges::find(named, field) != named.end();
  };
  return std::ranges::any_of(fields, names_a_column) || std::ranges::none_of(fields, IsNumber);
}

std::string ListOf(const CsvColumns& columns, std::size_t count) {
  if (!columns.has_header) {
    return "the file has no header and " + std::to_string(count) +
           " columns, which are named by index from 0";
  }
  std::string list = "the columns are ";
  for (std::size_t i = 0; i < std::min(count, kMostListed); ++i) {
    list += (i > 0 ? ", " : "") + Printable(columns.names[i]);
  }
  return list + (count > kMostListed ? ", ..." : "");
}

class Resolver {
 public:
  Resolver(const IngestSpec& spec, std::vector<std::string> first_line)
      : spec_(spec), named_(NamedColumns(spec)), count_(first_line.size()) {
    columns_.has_header = IsHeader(first_line, named_);
    if (columns_.has_header) columns_.names = std::move(first_line);
  }

  absl::StatusOr<CsvColumns> Resolve() {
    auto chosen = ChooseTargets();
    if (!chosen.ok()) return chosen.status();
    columns_.slots.assign(count_, 0);
    for (const std::size_t column : *chosen) {
      if (columns_.slots[column] < 0) {
        return FieldError("target_columns", "TARGET_COLUMN_REPEATED",
                          "column " + std::to_string(column) + " is a target twice");
      }
      columns_.slots[column] = -1 - columns_.targets++;
    }
    for (int& slot : columns_.slots) {
      if (slot >= 0) slot = columns_.features++;
    }
    return std::move(columns_);
  }

 private:
  bool is_regression() const { return spec_.task == Task::kRegression; }
  std::string field() const {
    return is_regression() && !spec_.target_columns.empty() ? "target_columns" : "label_column";
  }

  absl::StatusOr<std::vector<std::size_t>> ChooseTargets() const {
    if (named_.empty()) return ChooseDefault();
    std::vector<std::size_t> chosen;
    for (const std::string& name : named_) {
      const auto column = Find(name);
      if (!column.ok()) return column.status();
      chosen.push_back(*column);
    }
    return chosen;
  }

  // By name first: a header may hold numbers.
  absl::StatusOr<std::size_t> Find(const std::string& name) const {
    const auto found = std::ranges::find(columns_.names, name);
    if (found != columns_.names.end()) {
      if (std::find(found + 1, columns_.names.end(), name) != columns_.names.end()) {
        return FieldError(field(), "COLUMN_AMBIGUOUS",
                          "two columns are named " + Quoted(name) + "; give the index from 0");
      }
      return static_cast<std::size_t>(found - columns_.names.begin());
    }
    const std::optional<std::size_t> index = ParseIndex(name);
    if (index && *index < count_) return *index;
    return FieldError(field(), is_regression() ? "TARGET_COLUMN_UNKNOWN" : "LABEL_COLUMN_UNKNOWN",
                      "there is no column " + Quoted(name) + "; " + ListOf(columns_, count_));
  }

  absl::StatusOr<std::vector<std::size_t>> ChooseDefault() const {
    for (const std::string_view wanted : is_regression() ? kTargetNames : kLabelNames) {
      for (std::size_t i = 0; i < columns_.names.size(); ++i) {
        if (SameIgnoringCase(columns_.names[i], wanted)) return std::vector<std::size_t>{i};
      }
    }
    if (is_regression()) {
      return FieldError("target_columns", "TARGET_COLUMNS_REQUIRED",
                        "say which columns are the targets; " + ListOf(columns_, count_));
    }
    if (!columns_.has_header) return std::vector<std::size_t>{0};
    return FieldError("label_column", "LABEL_COLUMN_UNKNOWN",
                      "no column is named label, target or class; say which one is the label: " +
                          ListOf(columns_, count_));
  }

  const IngestSpec& spec_;
  std::vector<std::string> named_;
  std::size_t count_;
  CsvColumns columns_;
};

}  // namespace

absl::StatusOr<CsvColumns> ResolveCsvColumns(const IngestSpec& spec, const IngestLimits& limits,
                                             std::vector<std::string> first_line) {
  if (first_line.size() == 1 && first_line[0].find_first_of(";\t") != std::string::npos) {
    return InputError("SEPARATOR_UNSUPPORTED", {.line = 1, .value = first_line[0]},
                      "fields are separated by commas, not by semicolons or tabs");
  }
  auto columns = Resolver(spec, std::move(first_line)).Resolve();
  if (!columns.ok()) return columns;
  if (columns->features == 0) {
    return InputError("NO_FEATURES", {}, "the file has no column besides the label or the targets");
  }
  if (columns->features > limits.max_features) {
    return LimitError("TOO_MANY_FEATURES", {}, limits.max_features,
                      "the file has " + std::to_string(columns->features) +
                          " feature columns; at most " + std::to_string(limits.max_features) +
                          " are accepted");
  }
  return columns;
}

}  // namespace trainyard

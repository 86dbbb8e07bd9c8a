#include "client/cli/term/table.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace trainyard::client {
namespace {

constexpr absl::string_view kGap = "  ";

}  // namespace

std::string Table::Render(const Look& look) const {
  std::vector<int> widths;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    int width = DisplayWidth(columns_[i].header);
    for (const auto& row : rows_) width = std::max(width, DisplayWidth(row[i]));
    widths.push_back(width);
  }
  std::string text;
  const auto add_line = [&](auto cell_of) {
    std::string line;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      absl::StrAppend(&line, i == 0 ? "" : kGap, Pad(cell_of(i), widths[i], columns_[i].align));
    }
    absl::StrAppend(&text, absl::StripTrailingAsciiWhitespace(line), "\n");
  };
  add_line([&](std::size_t i) { return Painted(look, Paint::kBold, columns_[i].header); });
  for (const auto& row : rows_) add_line([&row](std::size_t i) { return row[i]; });
  return text;
}

void Properties::Add(std::string key, std::string value) {
  if (!value.empty()) pairs_.emplace_back(std::move(key), std::move(value));
}

void Properties::Add(const Properties& others) {
  pairs_.insert(pairs_.end(), others.pairs_.begin(), others.pairs_.end());
}

std::string Properties::Get(absl::string_view key) const {
  for (const auto& [each, value] : pairs_) {
    if (each == key) return value;
  }
  return "";
}

std::string Properties::Render(const Look& look) const {
  int width = 0;
  for (const auto& [key, value] : pairs_) width = std::max(width, DisplayWidth(key));
  std::string text;
  for (const auto& [key, value] : pairs_) {
    absl::StrAppend(&text, Painted(look, Paint::kDim, Pad(key, width)), kGap, value, "\n");
  }
  return text;
}

}  // namespace trainyard::client

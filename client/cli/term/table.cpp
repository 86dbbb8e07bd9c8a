#include "client/cli/term/table.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace trainyard::client {
namespace {

constexpr absl::string_view kGap = "  ";

}  // namespace

std::vector<int> Table::Widths(const Look& look) const {
  constexpr int kGapWidth = static_cast<int>(kGap.size());
  std::vector<int> widths;
  int line = -kGapWidth;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    int width = DisplayWidth(columns_[i].header);
    for (const auto& row : rows_) width = std::max(width, DisplayWidth(row[i]));
    widths.push_back(width);
    line += width + kGapWidth;
  }
  if (!look.breaks_lines) return widths;
  for (std::size_t i = columns_.size(); line > look.width && i-- > 0;) {
    if (columns_[i].yields != Yields::kItself) continue;
    line -= std::exchange(widths[i], 0) + kGapWidth;
  }
  // The widest of those that may be cut gives a place, until all fit.
  for (; line > look.width; --line) {
    int* widest = nullptr;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      if (columns_[i].yields != Yields::kItsEnd) continue;
      if (widths[i] <= DisplayWidth(columns_[i].header)) continue;
      if (widest == nullptr || widths[i] > *widest) widest = &widths[i];
    }
    if (widest == nullptr) break;
    --*widest;
  }
  return widths;
}

std::string Table::Render(const Look& look) const {
  const std::vector<int> widths = Widths(look);
  const auto cut = [&](const std::string& cell, int width) {
    if (DisplayWidth(cell) <= width) return cell;
    return absl::StrCat(Clip(cell, width - 1), look.unicode ? "…" : "~");
  };
  std::string text;
  const auto add_line = [&](auto cell_of) {
    std::string line;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      if (columns_[i].yields == Yields::kItself && widths[i] == 0) continue;
      absl::StrAppend(&line, i == 0 ? "" : kGap,
                      Pad(cut(cell_of(i), widths[i]), widths[i], columns_[i].align));
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

#include "client/cli/term/curve.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/cli/term/text.h"

namespace trainyard::client {
namespace {

constexpr int kLabelWidth = 9;

// Dots that are set, and how they become characters.
class Raster {
 public:
  Raster(int columns, int lines, bool braille)
      : columns_(columns), dots_x_(braille ? 2 : 1), dots_y_(braille ? 4 : 1) {
    cells_.assign(static_cast<std::size_t>(columns * lines), 0);
    width_ = columns * dots_x_;
    height_ = lines * dots_y_;
  }

  int width() const { return width_; }
  int height() const { return height_; }

  void Set(int x, int y) {
    // Unicode's numbering of the eight dots of a braille character.
    static constexpr std::uint8_t kBits[4][2] = {
        {0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}};
    const auto cell = static_cast<std::size_t>(y / dots_y_ * columns_ + x / dots_x_);
    cells_[cell] |= kBits[y % dots_y_][x % dots_x_];
  }

  // Bresenham's line.
  void Line(int x0, int y0, int x1, int y1) {
    const int dx = std::abs(x1 - x0);
    const int dy = -std::abs(y1 - y0);
    int error = dx + dy;
    while (true) {
      Set(x0, y0);
      if (x0 == x1 && y0 == y1) return;
      const int doubled = 2 * error;
      if (doubled >= dy) error += dy, x0 += x0 < x1 ? 1 : -1;
      if (doubled <= dx) error += dx, y0 += y0 < y1 ? 1 : -1;
    }
  }

  std::string Text(int line) const {
    std::string text;
    for (int column = 0; column < columns_; ++column) {
      const std::uint8_t bits = cells_[static_cast<std::size_t>(line * columns_ + column)];
      if (bits == 0) {
        text += ' ';
      } else if (dots_x_ == 1) {
        text += '*';
      } else {  // U+2800 + bits, as UTF-8.
        text += '\xe2';
        text += static_cast<char>(0xa0 | (bits >> 6));
        text += static_cast<char>(0x80 | (bits & 0x3f));
      }
    }
    return text;
  }

 private:
  int columns_;
  int dots_x_;
  int dots_y_;
  int width_ = 0;
  int height_ = 0;
  std::vector<std::uint8_t> cells_;
};

struct Range {
  double low = 0;
  double high = 1;
};

Range RangeOf(const std::vector<std::pair<double, double>>& points) {
  Range range{HUGE_VAL, -HUGE_VAL};
  for (const auto& [x, y] : points) {
    if (!std::isfinite(y)) continue;
    range = {std::min(range.low, y), std::max(range.high, y)};
  }
  if (range.low > range.high) return {};
  if (range.low >= 0 && range.low < 0.7 * range.high) range.low = 0;
  if (range.low == range.high) range = {range.low - (range.low > 0 ? range.low : 0), range.high};
  if (range.low == range.high) range.high = range.low + 1;
  return range;
}

void Plot(const std::vector<std::pair<double, double>>& points, const CurveFrame& frame,
          const Range& range, Raster& raster) {
  const double x_span = std::max(frame.x_last - frame.x_first, 1e-9);
  int last_x = -1;
  int last_y = -1;
  for (const auto& [x, y] : points) {
    const double x_share = (x - frame.x_first) / x_span;
    if (!std::isfinite(y) || x_share < 0 || x_share > 1) {
      last_x = -1;
      continue;
    }
    const auto column = static_cast<int>(std::lround(x_share * (raster.width() - 1)));
    const double y_share = (y - range.low) / (range.high - range.low);
    const auto line = static_cast<int>(std::lround((1 - y_share) * (raster.height() - 1)));
    if (last_x < 0) raster.Set(column, line);
    if (last_x >= 0) raster.Line(last_x, last_y, column, line);
    last_x = column;
    last_y = line;
  }
}

std::string XLabels(const CurveFrame& frame) {
  const std::string first = absl::StrFormat("%.6g", frame.x_first);
  std::string last = absl::StrFormat("%.6g", frame.x_last);
  if (frame.x_last <= frame.x_first) last.clear();
  const int middle_width = frame.width - DisplayWidth(first) - DisplayWidth(last);
  const int before = (middle_width - DisplayWidth(frame.x_label)) / 2;
  if (before < 1) return absl::StrCat(first, Repeat(" ", std::max(middle_width, 1)), last);
  return absl::StrCat(first, Repeat(" ", before), Pad(frame.x_label, middle_width - before), last);
}

}  // namespace

std::vector<std::string> DrawCurve(const Look& look,
                                   const std::vector<std::pair<double, double>>& points,
                                   const CurveFrame& frame) {
  Raster raster(frame.width, frame.height, look.unicode);
  const Range range = RangeOf(points);
  Plot(points, frame, range, raster);
  std::vector<std::string> lines;
  for (int line = 0; line < frame.height; ++line) {
    const bool labelled = line == 0 || line == frame.height - 1 || line == frame.height / 2;
    const double share = 1 - static_cast<double>(line) / std::max(frame.height - 1, 1);
    const double value = range.low + share * (range.high - range.low);
    const std::string label = labelled ? absl::StrFormat("%.4g", value) : "";
    const char* axis = look.unicode ? (labelled ? " ┤" : " │") : " |";
    lines.push_back(absl::StrCat(Pad(label, kLabelWidth, Align::kRight), axis,
                                 Painted(look, Paint::kAccent, raster.Text(line))));
  }
  lines.push_back(absl::StrCat(Repeat(" ", kLabelWidth), look.unicode ? " └" : " +",
                               Repeat(look.unicode ? "─" : "-", frame.width)));
  lines.push_back(absl::StrCat(Repeat(" ", kLabelWidth + 2), XLabels(frame)));
  return lines;
}

}  // namespace trainyard::client

#include "client/cli/term/bars.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "client/cli/term/format.h"
#include "client/cli/term/text.h"

namespace trainyard::client {
namespace {

// Blocks of eighths of a column, so that close counts look different.
std::string BlockBar(const Look& look, double share, int width) {
  static constexpr std::array<absl::string_view, 8> kEighths = {"",  "▏", "▎", "▍",
                                                                "▌", "▋", "▊", "▉"};
  if (!look.unicode) return Repeat("#", static_cast<int>(std::lround(share * width)));
  const auto eighths = static_cast<int>(std::lround(share * width * 8));
  return absl::StrCat(Repeat("█", eighths / 8), kEighths[static_cast<std::size_t>(eighths % 8)]);
}

}  // namespace

std::string RenderBars(const Look& look, const std::vector<Bar>& bars) {
  std::int64_t largest = 1;
  std::int64_t total = 0;
  int label_width = 0;
  int count_width = 0;
  for (const Bar& bar : bars) {
    largest = std::max(largest, bar.count);
    total += bar.count;
    label_width = std::max(label_width, DisplayWidth(bar.label));
    count_width = std::max(count_width, DisplayWidth(Thousands(bar.count)));
  }
  const int room = look.width - label_width - count_width - 14;
  const int width = std::clamp(room, 10, 50);
  std::string text;
  for (const Bar& bar : bars) {
    const double share = static_cast<double>(bar.count) / static_cast<double>(largest);
    absl::StrAppend(
        &text, Pad(bar.label, label_width, Align::kRight), "  ",
        Pad(Thousands(bar.count), count_width, Align::kRight), "  ",
        Pad(Percent(total == 0 ? 0 : static_cast<double>(bar.count) / static_cast<double>(total)),
            8, Align::kRight),
        "  ", Painted(look, Paint::kAccent, BlockBar(look, share, width)));
    while (text.ends_with(' ')) text.pop_back();
    text += "\n";
  }
  return text;
}

std::string ProgressBar(const Look& look, double share, int width) {
  const double clamped = std::clamp(std::isfinite(share) ? share : 0.0, 0.0, 1.0);
  const int done = static_cast<int>(clamped * width);
  if (!look.unicode) return absl::StrCat(Repeat("=", done), Repeat("-", width - done));
  return absl::StrCat(Painted(look, Paint::kGood, Repeat("━", done)),
                      Painted(look, Paint::kDim, Repeat(look.colored() ? "━" : "─", width - done)));
}

}  // namespace trainyard::client

#include "client/cli/term/matrix.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <tuple>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/cli/term/format.h"
#include "client/cli/term/text.h"

namespace trainyard::client {
namespace {

std::int64_t CountAt(const v1::ConfusionMatrix& matrix, int truth, int prediction) {
  const int at = truth * matrix.size() + prediction;
  return at < matrix.counts_size() ? matrix.counts(at) : 0;
}

std::int64_t RowTotal(const v1::ConfusionMatrix& matrix, int truth) {
  std::int64_t total = 0;
  for (int k = 0; k < matrix.size(); ++k) total += CountAt(matrix, truth, k);
  return total;
}

// The root makes a confusion of a few per cent visible.
std::string Shaded(const Look& look, absl::string_view cell, double share, bool diagonal) {
  if (share <= 0) return Painted(look, Paint::kDim, cell);
  if (!look.colored()) return std::string(cell);
  const double strength = std::sqrt(std::min(share, 1.0));
  std::string background;
  if (look.color == ColorDepth::kTrue) {
    const auto level = [strength](int low, int high) {
      return std::lround(low + strength * (high - low));
    };
    background =
        diagonal ? absl::StrCat("48;2;", level(10, 24), ";", level(40, 130), ";", level(20, 60))
                 : absl::StrCat("48;2;", level(45, 190), ";", level(15, 40), ";", level(15, 40));
  } else {
    static constexpr std::array<int, 4> kGreens = {22, 22, 28, 28};
    static constexpr std::array<int, 4> kReds = {52, 88, 124, 160};
    const auto step = static_cast<std::size_t>(std::min(strength * 4, 3.0));
    background = absl::StrCat("48;5;", diagonal ? kGreens[step] : kReds[step]);
  }
  return absl::StrCat("\x1b[", background, ";38;5;231m", cell, "\x1b[0m");
}

int CellWidth(const v1::ConfusionMatrix& matrix) {
  std::int64_t largest = matrix.size();
  for (const std::int64_t count : matrix.counts()) largest = std::max(largest, count);
  return DisplayWidth(absl::StrCat(largest)) + 2;
}

std::string MatrixRow(const Look& look, const v1::ConfusionMatrix& matrix, int truth, int width) {
  const std::int64_t total = RowTotal(matrix, truth);
  std::string line = Painted(look, Paint::kBold, Pad(absl::StrCat(truth), 5, Align::kRight));
  line += "  ";
  for (int k = 0; k < matrix.size(); ++k) {
    const std::int64_t count = CountAt(matrix, truth, k);
    const double share = total == 0 ? 0 : static_cast<double>(count) / static_cast<double>(total);
    const std::string cell =
        Pad(absl::StrCat(count == 0 ? "." : absl::StrCat(count), " "), width, Align::kRight);
    line += Shaded(look, cell, share, k == truth);
  }
  return absl::StrCat(line, "  ", Pad(absl::StrCat(total), 6, Align::kRight), "\n");
}

}  // namespace

std::string RenderConfusionMatrix(const Look& look, const v1::ConfusionMatrix& matrix) {
  const int width = CellWidth(matrix);
  const int columns = 7 + width * matrix.size() + 8;
  if (columns > std::max(look.width, 80)) {
    return absl::StrCat("confusion matrix: ", matrix.size(), " x ", matrix.size(),
                        ", too wide to show here (see --output json). Largest confusions:\n",
                        RenderConfusions(matrix, 10));
  }
  std::string text = absl::StrCat("confusion matrix (rows: truth, columns: prediction)\n",
                                  Painted(look, Paint::kDim, "truth"), "  ");
  for (int k = 0; k < matrix.size(); ++k) {
    text += Painted(look, Paint::kBold, Pad(absl::StrCat(k, " "), width, Align::kRight));
  }
  absl::StrAppend(&text, "  ", Painted(look, Paint::kDim, "  rows"), "\n");
  for (int truth = 0; truth < matrix.size(); ++truth) {
    text += MatrixRow(look, matrix, truth, width);
  }
  return text;
}

std::string RenderConfusions(const v1::ConfusionMatrix& matrix, int limit) {
  std::vector<std::tuple<std::int64_t, int, int>> found;
  for (int truth = 0; truth < matrix.size(); ++truth) {
    for (int k = 0; k < matrix.size(); ++k) {
      const std::int64_t count = CountAt(matrix, truth, k);
      if (k != truth && count > 0) found.emplace_back(-count, truth, k);
    }
  }
  std::sort(found.begin(), found.end());
  std::string text;
  for (std::size_t i = 0; i < found.size() && i < static_cast<std::size_t>(limit); ++i) {
    const auto& [negative, truth, k] = found[i];
    absl::StrAppend(&text, "  ", truth, " taken for ", k, ": ", Thousands(-negative),
                    negative == -1 ? " row\n" : " rows\n");
  }
  return text;
}

}  // namespace trainyard::client

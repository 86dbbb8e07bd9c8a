#include "client/cli/term/image.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace trainyard::client {
namespace {

// From 0 to 1; black below the image.
double Brightness(const GreyImage& image, int line, int column) {
  if (line >= image.height) return 0;
  const auto at = static_cast<std::size_t>(line * image.width + column);
  const double span = image.high - image.low;
  const double share = span > 0 ? (static_cast<double>(image.values[at]) - image.low) / span : 0;
  return std::clamp(std::isfinite(share) ? share : 0.0, 0.0, 1.0);
}

// The colour part of an SGR sequence: 38 is the foreground, 48 the background.
std::string Grey(ColorDepth depth, int layer, double brightness) {
  if (depth == ColorDepth::kTrue) {
    const long level = std::lround(brightness * 255);
    return absl::StrCat(layer, ";2;", level, ";", level, ";", level);
  }
  // The 256-colour palette has 24 greys, between its black and its white.
  const long step = std::lround(brightness * 25);
  const long code = step == 0 ? 16 : step == 25 ? 231 : 231 + step;
  return absl::StrCat(layer, ";5;", code);
}

std::string HalfBlocks(const Look& look, const GreyImage& image) {
  std::string text;
  for (int line = 0; line < image.height; line += 2) {
    std::string current;
    for (int column = 0; column < image.width; ++column) {
      const std::string color =
          absl::StrCat("\x1b[", Grey(look.color, 38, Brightness(image, line, column)), ";",
                       Grey(look.color, 48, Brightness(image, line + 1, column)), "m");
      if (color != current) text += color;
      current = color;
      text += "▀";
    }
    text += "\x1b[0m\n";
  }
  return text;
}

std::string Shades(const GreyImage& image) {
  static constexpr absl::string_view kRamp = " .:-=+*#%@";
  std::string text;
  for (int line = 0; line < image.height; ++line) {
    for (int column = 0; column < image.width; ++column) {
      const auto step = static_cast<std::size_t>(std::lround(Brightness(image, line, column) * 9));
      text.append(2, kRamp[step]);
    }
    while (text.ends_with(' ')) text.pop_back();
    text += '\n';
  }
  return text;
}

bool UsesHalfBlocks(const Look& look) { return look.colored() && look.unicode; }

}  // namespace

std::string RenderImage(const Look& look, const GreyImage& image) {
  return UsesHalfBlocks(look) ? HalfBlocks(look, image) : Shades(image);
}

int ImageColumns(const Look& look, const GreyImage& image) {
  return UsesHalfBlocks(look) ? image.width : 2 * image.width;
}

}  // namespace trainyard::client

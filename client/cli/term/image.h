// A grey image drawn with characters.
#pragma once

#include <string>
#include <vector>

#include "client/cli/term/terminal.h"

namespace trainyard::client {

// height * width values, row-major; `low` is black, `high` white.
struct GreyImage {
  int height = 0;
  int width = 0;
  std::vector<float> values;
  double low = 0;
  double high = 255;
};

// Lines, each ending with a newline. With colour and Unicode two pixels a
// character, as half blocks; else two characters a pixel, as shades of ASCII.
std::string RenderImage(const Look& look, const GreyImage& image);

// Columns that RenderImage needs.
int ImageColumns(const Look& look, const GreyImage& image);

}  // namespace trainyard::client

// Horizontal bars.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "client/cli/term/terminal.h"

namespace trainyard::client {

struct Bar {
  std::string label;
  std::int64_t count = 0;
};

// One line a bar, scaled to the largest, with the count and its share.
std::string RenderBars(const Look& look, const std::vector<Bar>& bars);

// A bar of `width` columns of which `share` (0 to 1) is done.
std::string ProgressBar(const Look& look, double share, int width);

}  // namespace trainyard::client

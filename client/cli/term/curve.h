// A curve drawn with characters.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "client/cli/term/terminal.h"

namespace trainyard::client {

struct CurveFrame {
  // Columns and lines of the plot itself, without labels.
  int width = 60;
  int height = 10;
  // Range of x, which is not that of the points: a run shows its end before it
  // is there.
  double x_first = 1;
  double x_last = 1;
  std::string x_label;
};

// Lines without newlines: `height` lines of the plot with y labels on their
// left, the axis and the x labels. Braille dots (2 x 4 a character) or, without
// Unicode, stars. The y axis starts at 0 unless the points are all far from it;
// points that are not finite are left out.
std::vector<std::string> DrawCurve(const Look& look,
                                   const std::vector<std::pair<double, double>>& points,
                                   const CurveFrame& frame);

}  // namespace trainyard::client

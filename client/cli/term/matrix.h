// A confusion matrix as an aligned, shaded table.
#pragma once

#include <string>

#include "client/cli/term/terminal.h"
#include "trainyard/v1/evaluation.pb.h"

namespace trainyard::client {

// Rows are the truth, columns the prediction, and the headers say so. Where
// there is colour a cell's background shows its share of its row: green on the
// diagonal, red beside it. A matrix wider than the look is given as its largest
// confusions instead.
std::string RenderConfusionMatrix(const Look& look, const v1::ConfusionMatrix& matrix);

// "4 as 9: 23 rows" and so on, at most `limit`, largest first.
std::string RenderConfusions(const v1::ConfusionMatrix& matrix, int limit);

}  // namespace trainyard::client

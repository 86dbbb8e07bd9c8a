// Weights as text.
#pragma once

#include "core/export/tensors.h"

namespace trainyard {

// A line for each row of a tensor, without a header: the tensor's name, the row
// from 0, and the row's values. A vector is one row. Every value is the shortest
// text that reads back to the same bits.
absl::Status WriteWeightsCsv(const ExportTensors& tensors, const ByteSink& sink);

}  // namespace trainyard

// A trained network as an ONNX model.
#pragma once

#include "core/export/export.h"

namespace trainyard {

// Of the default operator set; its operators are those of ONNX 1.8 and later.
inline constexpr int kOnnxOpset = 13;

// The model takes `input` (batch, inputs), raw rows in the job's precision, and
// scales them as the job did: float32 networks whose scaling is `standard` do
// that in float64. It gives `output` (batch, outputs), what the last layer
// computes, and for classification `class` (batch, 1) as int64: the index of the
// largest output; for one output 1 above the threshold (0.5; 0 for tanh), else 0.
// Errors: the sink's; FAILED_PRECONDITION from 2 GiB on, which a model may not
// have.
template <typename T>
absl::Status WriteOnnx(const ExportSource& source, const Parameters<T>& parameters,
                       const ByteSink& sink);

}  // namespace trainyard

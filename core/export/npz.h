// Weights as numpy.load reads them: a zip archive of .npy files, stored.
#pragma once

#include "core/export/tensors.h"

namespace trainyard {

// An array for each tensor, and `activations`: the name of each layer's, as bytes
// of one length. Errors: FAILED_PRECONDITION from 4 GiB on.
absl::Status WriteNpz(const ExportTensors& tensors, const NetworkSpec& network,
                      const ByteSink& sink);

}  // namespace trainyard

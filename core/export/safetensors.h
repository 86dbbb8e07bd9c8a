// Weights as safetensors: eight bytes with the length of a JSON header, the
// header, and the tensors' bytes.
#pragma once

#include <map>
#include <string>

#include "core/export/tensors.h"

namespace trainyard {

// The tensors in their order, without gaps; `facts` as __metadata__.
absl::Status WriteSafetensors(const ExportTensors& tensors,
                              const std::map<std::string, std::string>& facts,
                              const ByteSink& sink);

}  // namespace trainyard

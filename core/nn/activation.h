// The functions that layers apply to their weighted sums.
#pragma once

#include <string_view>

namespace trainyard {

enum class Activation { kSigmoid, kRelu, kTanh, kLinear, kSoftmax, kStep };

std::string_view NameOf(Activation activation);

}  // namespace trainyard

#include "core/nn/activation.h"

namespace trainyard {

std::string_view NameOf(Activation activation) {
  switch (activation) {
    case Activation::kSigmoid:
      return "sigmoid";
    case Activation::kRelu:
      return "relu";
    case Activation::kTanh:
      return "tanh";
    case Activation::kLinear:
      return "linear";
    case Activation::kSoftmax:
      return "softmax";
    case Activation::kStep:
      return "step";
    case Activation::kLeakyRelu:
      return "leaky-relu";
    case Activation::kGelu:
      return "gelu";
    case Activation::kSoftplus:
      return "softplus";
  }
  return "unknown";
}

}  // namespace trainyard

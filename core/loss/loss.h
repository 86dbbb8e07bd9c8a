// What training minimises. One loss, one pair of files, one line in the table
// of loss.cpp.
#pragma once

#include <span>

#include "core/nn/network.h"

namespace trainyard {

// A loss F(y, t) of one sample; y are the network's outputs and t the targets,
// as many of each.
template <typename T>
struct LossFunction {
  // Whether the loss is defined with softmax: then `value` is given the output
  // layer's weighted sums n instead of y, and `gradient` is dF/dn; else `value`
  // is given y, and `gradient` is dF/dy.
  bool with_softmax = false;
  double (*value)(std::span<const T> outputs, std::span<const T> t) = nullptr;
  // From y in either case; `gradient` may be `y`.
  void (*gradient)(std::span<const T> y, std::span<const T> t, std::span<T> gradient) = nullptr;
};

template <typename T>
const LossFunction<T>& FunctionOf(Loss loss);

}  // namespace trainyard

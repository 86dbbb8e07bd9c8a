// The formulas of training as they are written down, one sample at a time: slow
// and readable, what tests hold the fast kernels against.
//
//   n_i = W_i^T a_{i-1} + b_i,  a_i = sigma_i(n_i),  a_0 = x,  y = a_L
//   S_L = A_L dF/dy,  S_{i-1} = A_{i-1} W_i S_i,  A_i = diag(sigma_i'(n_i))
//   dF/dW_i = a_{i-1} S_i^T,  dF/db_i = S_i
#pragma once

#include <span>
#include <vector>

#include "core/nn/network.h"
#include "core/nn/parameters.h"

namespace trainyard {

// y for one input, inputs() long.
template <typename T>
std::vector<T> ReferenceForward(const NetworkSpec& network, const Parameters<T>& parameters,
                                std::span<const T> input);

// F for one sample.
template <typename T>
T ReferenceLoss(const NetworkSpec& network, const Parameters<T>& parameters,
                std::span<const T> input, std::span<const T> target);

// dF/dW_1, dF/db_1, ... for one sample.
template <typename T>
Parameters<T> ReferenceGradient(const NetworkSpec& network, const Parameters<T>& parameters,
                                std::span<const T> input, std::span<const T> target);

}  // namespace trainyard

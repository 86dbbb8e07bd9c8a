// Cross entropy of the softmax of n, by log-sum-exp:
// F = sum_i t_i (ln sum_j e^{n_j} - n_i); dF/dn = y sum_i t_i - t, y = softmax(n).
#pragma once

#include <span>

namespace trainyard {

template <typename T>
double SoftmaxCrossEntropy(std::span<const T> n, std::span<const T> t);

template <typename T>
void SoftmaxCrossEntropyGradient(std::span<const T> y, std::span<const T> t, std::span<T> gradient);

}  // namespace trainyard

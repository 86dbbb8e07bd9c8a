#include "core/loss/cross_entropy.h"

#include <cstddef>
#include <numeric>

#include "core/rng/elementary.h"

namespace trainyard {

template <typename T>
double SoftmaxCrossEntropy(std::span<const T> n, std::span<const T> t) {
  double largest = static_cast<double>(n[0]);
  for (const T sum : n) {
    // Written so that a NaN becomes the largest and reaches the cost.
    if (!(static_cast<double>(sum) <= largest)) largest = static_cast<double>(sum);
  }
  double total = 0;
  for (const T sum : n) total += DeterministicExp(static_cast<double>(sum) - largest);
  const double log_sum = largest + DeterministicLog(total);
  double loss = 0;
  for (std::size_t i = 0; i < n.size(); ++i) {
    // A class without target weighs nothing, even where its sum is infinite.
    if (t[i] != T{0}) loss += static_cast<double>(t[i]) * (log_sum - static_cast<double>(n[i]));
  }
  return loss;
}

template <typename T>
void SoftmaxCrossEntropyGradient(std::span<const T> y, std::span<const T> t,
                                 std::span<T> gradient) {
  const T total = std::accumulate(t.begin(), t.end(), T{0});
  for (std::size_t i = 0; i < y.size(); ++i) gradient[i] = y[i] * total - t[i];
}

template double SoftmaxCrossEntropy(std::span<const float>, std::span<const float>);
template double SoftmaxCrossEntropy(std::span<const double>, std::span<const double>);
template void SoftmaxCrossEntropyGradient(std::span<const float>, std::span<const float>,
                                          std::span<float>);
template void SoftmaxCrossEntropyGradient(std::span<const double>, std::span<const double>,
                                          std::span<double>);

}  // namespace trainyard

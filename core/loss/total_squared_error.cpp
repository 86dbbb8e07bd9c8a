#include "core/loss/total_squared_error.h"

#include <cstddef>

namespace trainyard {

template <typename T>
double TotalSquaredError(std::span<const T> y, std::span<const T> t) {
  double sum = 0;
  for (std::size_t i = 0; i < y.size(); ++i) {
    const double error = static_cast<double>(t[i]) - static_cast<double>(y[i]);
    sum += error * error;
  }
  return sum;
}

template <typename T>
void TotalSquaredErrorGradient(std::span<const T> y, std::span<const T> t, std::span<T> gradient) {
  for (std::size_t i = 0; i < y.size(); ++i) gradient[i] = T{-2} * (t[i] - y[i]);
}

template double TotalSquaredError(std::span<const float>, std::span<const float>);
template double TotalSquaredError(std::span<const double>, std::span<const double>);
template void TotalSquaredErrorGradient(std::span<const float>, std::span<const float>,
                                        std::span<float>);
template void TotalSquaredErrorGradient(std::span<const double>, std::span<const double>,
                                        std::span<double>);

}  // namespace trainyard

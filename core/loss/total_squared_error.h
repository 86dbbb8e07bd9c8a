// F = |t - y|^2, without 1/2; dF/dy = -2 (t - y).
#pragma once

#include <span>

namespace trainyard {

template <typename T>
double TotalSquaredError(std::span<const T> y, std::span<const T> t);

template <typename T>
void TotalSquaredErrorGradient(std::span<const T> y, std::span<const T> t, std::span<T> gradient);

}  // namespace trainyard

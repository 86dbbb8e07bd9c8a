// The table of one variant; see vector.h for how this is compiled.
#pragma once

#include "core/kernels/elementwise_impl.h"
#include "core/kernels/gemm_impl.h"
#include "core/kernels/kernels.h"
#include "core/kernels/optim_impl.h"
#include "core/kernels/rows_impl.h"

namespace trainyard {
namespace {

template <typename T>
constexpr Kernels<T> MakeKernels(const char* variant) {
  Kernels<T> kernels;
  kernels.variant = variant;
  kernels.sparse_multiply = &SparseMultiply<T>;
  kernels.multiply = &Multiply<T>;
  kernels.multiply_transposed = &MultiplyTransposed<T>;
  kernels.multiply_by_transposed = &MultiplyByTransposed<T>;
  kernels.sparse_descend = &SparseDescend<T>;
  kernels.descend_transposed = &DescendTransposed<T>;
  kernels.multiply_vector = &MultiplyVector<T>;
  kernels.multiply_vector_by_transposed = &MultiplyVectorByTransposed<T>;
  kernels.subtract_scaled = &SubtractScaled<T>;
  kernels.add_rows = &AddRows<T>;
  kernels.activate = &Activate<T>;
  kernels.multiply_by_derivative = &MultiplyByDerivative<T>;
  kernels.activate_with_derivative = &ActivateWithDerivative<T>;
  kernels.multiply_elements = &MultiplyElements<T>;
  kernels.momentum_update = &MomentumUpdate<T>;
  kernels.adam_update = &AdamUpdate<T>;
  kernels.penalise = &Penalise<T>;
  kernels.exponential = &Exponential<T>;
  return kernels;
}

}  // namespace
}  // namespace trainyard

// The tables of all variants: only dispatch.cpp chooses among them.
#pragma once

#include "core/kernels/kernels.h"

namespace trainyard {

extern const Kernels<float> kBaselineKernelsF32;
extern const Kernels<double> kBaselineKernelsF64;
#if defined(TRAINYARD_X86_KERNELS)
extern const Kernels<float> kAvx2KernelsF32;
extern const Kernels<double> kAvx2KernelsF64;
extern const Kernels<float> kAvx512KernelsF32;
extern const Kernels<double> kAvx512KernelsF64;
#endif

}  // namespace trainyard

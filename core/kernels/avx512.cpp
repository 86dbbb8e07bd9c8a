// For CPUs with AVX-512 (F, DQ, BW, VL). Compiled with flags of its own.
#include <immintrin.h>

#define TRAINYARD_VECTOR_BYTES 64
#define TRAINYARD_FMA 1
#define TRAINYARD_VECTOR_REGISTERS 32
#include "core/kernels/table_impl.h"
#include "core/kernels/variants.h"

namespace trainyard {

constinit const Kernels<float> kAvx512KernelsF32 = MakeKernels<float>("avx512");
constinit const Kernels<double> kAvx512KernelsF64 = MakeKernels<double>("avx512");

}  // namespace trainyard

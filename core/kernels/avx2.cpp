// For CPUs with AVX2 and FMA. Compiled with flags of its own.
#include <immintrin.h>

#define TRAINYARD_VECTOR_BYTES 32
#define TRAINYARD_FMA 1
#define TRAINYARD_VECTOR_REGISTERS 16
#include "core/kernels/table_impl.h"
#include "core/kernels/variants.h"

namespace trainyard {

constinit const Kernels<float> kAvx2KernelsF32 = MakeKernels<float>("avx2");
constinit const Kernels<double> kAvx2KernelsF64 = MakeKernels<double>("avx2");

}  // namespace trainyard

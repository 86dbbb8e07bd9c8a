// For every CPU: 16-byte vectors, no fused multiply-add.
#define TRAINYARD_VECTOR_BYTES 16
#define TRAINYARD_FMA 0
#define TRAINYARD_VECTOR_REGISTERS 16
#include "core/kernels/table_impl.h"
#include "core/kernels/variants.h"

namespace trainyard {

constinit const Kernels<float> kBaselineKernelsF32 = MakeKernels<float>("baseline");
constinit const Kernels<double> kBaselineKernelsF64 = MakeKernels<double>("baseline");

}  // namespace trainyard

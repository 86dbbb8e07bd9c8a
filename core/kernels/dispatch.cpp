#include <cstdlib>

#include "core/kernels/kernels.h"
#include "core/kernels/variant.h"
#include "core/kernels/variants.h"

namespace trainyard {
namespace {

struct Variant {
  const Kernels<float>* f32;
  const Kernels<double>* f64;
};

bool CpuHasAvx2() {
#if defined(TRAINYARD_X86_KERNELS)
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
  return false;
#endif
}

bool CpuHasAvx512() {
#if defined(TRAINYARD_X86_KERNELS)
  return CpuHasAvx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
#else
  return false;
#endif
}

// Worst first.
std::vector<Variant> Available() {
  std::vector<Variant> variants = {{&kBaselineKernelsF32, &kBaselineKernelsF64}};
#if defined(TRAINYARD_X86_KERNELS)
  if (CpuHasAvx2()) variants.push_back({&kAvx2KernelsF32, &kAvx2KernelsF64});
  if (CpuHasAvx512()) variants.push_back({&kAvx512KernelsF32, &kAvx512KernelsF64});
#endif
  return variants;
}

Variant ChooseAtStart() {
  const std::vector<Variant> variants = Available();
  if (const char* const name = std::getenv("TRAINYARD_KERNELS"); name != nullptr) {
    for (const Variant& variant : variants) {
      if (std::string_view(variant.f32->variant) == name) return variant;
    }
  }
  return variants.back();
}

Variant& Active() {
  static Variant variant = ChooseAtStart();
  return variant;
}

}  // namespace

template <>
const Kernels<float>& ActiveKernels<float>() {
  return *Active().f32;
}

template <>
const Kernels<double>& ActiveKernels<double>() {
  return *Active().f64;
}

std::string_view ActiveVariant() { return Active().f32->variant; }

std::vector<std::string_view> AvailableVariants() {
  std::vector<std::string_view> names;
  for (const Variant& variant : Available()) names.emplace_back(variant.f32->variant);
  return names;
}

bool SelectVariant(std::string_view name) {
  for (const Variant& variant : Available()) {
    if (variant.f32->variant != name) continue;
    Active() = variant;
    return true;
  }
  return false;
}

}  // namespace trainyard

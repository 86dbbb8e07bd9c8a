// Which instruction set the kernels of this process use.
#pragma once

#include <string_view>
#include <vector>

namespace trainyard {

// "baseline", "avx2" or "avx512": the best that the CPU has, or the lesser one
// that TRAINYARD_KERNELS in the environment names.
std::string_view ActiveVariant();

// Those that this CPU can run, worst first.
std::vector<std::string_view> AvailableVariants();

// Chooses another; false where the CPU cannot run it. For tests and benchmarks:
// not while another thread computes.
bool SelectVariant(std::string_view name);

}  // namespace trainyard

#include "core/rng/mt19937.h"

#include <bit>
#include <numeric>
#include <utility>

namespace trainyard {
namespace {

constexpr std::uint32_t kSeedMultiplier = 1812433253;
constexpr std::uint32_t kUpperBit = 0x80000000;
constexpr std::uint32_t kMatrix = 0x9908B0DF;
// The recurrence takes the word that is this many ahead.
constexpr int kShift = 397;

}  // namespace

Mt19937::Mt19937(std::uint32_t seed) {
  std::uint32_t word = seed;
  for (std::uint32_t i = 0; i < kWords; ++i) {
    if (i > 0) word = kSeedMultiplier * (word ^ (word >> 30)) + i;
    state_.words[i] = word;
  }
}

void Mt19937::Refill() {
  auto& words = state_.words;
  for (std::size_t i = 0; i < kWords; ++i) {
    const std::uint32_t joined = (words[i] & kUpperBit) | (words[(i + 1) % kWords] & ~kUpperBit);
    words[i] = words[(i + kShift) % kWords] ^ (joined >> 1) ^ ((joined & 1) != 0 ? kMatrix : 0);
  }
  state_.position = 0;
}

std::uint32_t Mt19937::NextUint32() {
  if (state_.position == kWords) Refill();
  std::uint32_t word = state_.words[static_cast<std::size_t>(state_.position++)];
  word ^= word >> 11;
  word ^= (word << 7) & 0x9D2C5680;
  word ^= (word << 15) & 0xEFC60000;
  return word ^ (word >> 18);
}

double Mt19937::NextUniform() {
  const std::uint32_t a = NextUint32() >> 5;
  const std::uint32_t b = NextUint32() >> 6;
  return (a * 0x1p26 + b) * 0x1p-53;
}

std::vector<std::uint32_t> Mt19937::Permutation(std::uint32_t n) {
  std::vector<std::uint32_t> order(n);
  std::iota(order.begin(), order.end(), std::uint32_t{0});
  for (std::uint32_t i = n; i-- > 1;) {
    const std::uint32_t mask = ~std::uint32_t{0} >> std::countl_zero(i);
    std::uint32_t j = NextUint32() & mask;
    while (j > i) j = NextUint32() & mask;
    std::swap(order[i], order[j]);
  }
  return order;
}

}  // namespace trainyard

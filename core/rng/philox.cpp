#include "core/rng/philox.h"

#include <cmath>
#include <numeric>
#include <utility>

#include "core/rng/elementary.h"

namespace trainyard {
namespace {

constexpr std::uint64_t kMultiplier0 = 0xD2511F53;
constexpr std::uint64_t kMultiplier1 = 0xCD9E8D57;
// Weyl increments of the key: the golden ratio and sqrt(3) - 1.
constexpr std::uint32_t kWeyl0 = 0x9E3779B9;
constexpr std::uint32_t kWeyl1 = 0xBB67AE85;
constexpr int kRounds = 10;

std::uint32_t Low(std::uint64_t x) { return static_cast<std::uint32_t>(x); }
std::uint32_t High(std::uint64_t x) { return static_cast<std::uint32_t>(x >> 32); }

struct Product {
  std::uint64_t high;
  std::uint64_t low;
};

// The 128 bits of a * b.
Product Multiply(std::uint64_t a, std::uint64_t b) {
  const std::uint64_t low_low = std::uint64_t{Low(a)} * Low(b);
  const std::uint64_t low_high = std::uint64_t{Low(a)} * High(b);
  const std::uint64_t high_low = std::uint64_t{High(a)} * Low(b);
  const std::uint64_t high_high = std::uint64_t{High(a)} * High(b);
  const std::uint64_t middle = std::uint64_t{High(low_low)} + Low(low_high) + Low(high_low);
  return {high_high + High(low_high) + High(high_low) + High(middle),
          (middle << 32) | Low(low_low)};
}

}  // namespace

std::array<std::uint32_t, 4> Philox4x32(std::array<std::uint32_t, 4> counter,
                                        std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < kRounds; ++round) {
    const std::uint64_t product0 = kMultiplier0 * counter[0];
    const std::uint64_t product1 = kMultiplier1 * counter[2];
    counter = {High(product1) ^ counter[1] ^ key[0], Low(product1),
               High(product0) ^ counter[3] ^ key[1], Low(product0)};
    key[0] += kWeyl0;
    key[1] += kWeyl1;
  }
  return counter;
}

PhiloxStream::PhiloxStream(std::uint64_t seed, RandomPurpose purpose, std::uint32_t index)
    : key_{Low(seed), High(seed)}, counter_{0, 0, static_cast<std::uint32_t>(purpose), index} {}

std::uint32_t PhiloxStream::NextUint32() {
  if (used_ == 4) {
    block_ = Philox4x32(counter_, key_);
    if (++counter_[0] == 0) ++counter_[1];
    used_ = 0;
  }
  return block_[static_cast<std::size_t>(used_++)];
}

std::uint64_t PhiloxStream::NextUint64() {
  const std::uint64_t upper = NextUint32();
  return (upper << 32) | NextUint32();
}

double PhiloxStream::NextUniform() { return static_cast<double>(NextUint64() >> 11) * 0x1p-53; }

std::uint64_t PhiloxStream::NextBelow(std::uint64_t bound) {
  Product product = Multiply(NextUint64(), bound);
  if (product.low < bound) {
    const std::uint64_t threshold = (0 - bound) % bound;
    while (product.low < threshold) product = Multiply(NextUint64(), bound);
  }
  return product.high;
}

double PhiloxStream::NextNormal() {
  if (spare_normal_) return *std::exchange(spare_normal_, std::nullopt);
  for (;;) {
    const double u = 2 * NextUniform() - 1;
    const double v = 2 * NextUniform() - 1;
    const double square = u * u + v * v;
    if (square >= 1 || square == 0) continue;
    const double scale = std::sqrt(-2 * DeterministicLog(square) / square);
    spare_normal_ = v * scale;
    return u * scale;
  }
}

std::vector<std::uint32_t> RandomPermutation(std::uint32_t n, std::uint64_t seed,
                                             std::uint32_t epoch) {
  std::vector<std::uint32_t> order(n);
  std::iota(order.begin(), order.end(), std::uint32_t{0});
  PhiloxStream stream(seed, RandomPurpose::kPermutation, epoch);
  for (std::uint32_t left = n; left > 1; --left) {
    std::swap(order[left - 1], order[stream.NextBelow(left)]);
  }
  return order;
}

}  // namespace trainyard

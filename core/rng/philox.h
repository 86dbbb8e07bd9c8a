// Philox4x32-10, the counter-based generator of Salmon et al., "Parallel Random
// Numbers: As Easy as 1, 2, 3" (SC 2011), and what is drawn from it.
//
// Nothing has to be stored: any number of any stream can be computed again from
// the seed, the purpose, the index and the position.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

namespace trainyard {

// The raw function: ten rounds over a 128-bit counter with a 64-bit key.
std::array<std::uint32_t, 4> Philox4x32(std::array<std::uint32_t, 4> counter,
                                        std::array<std::uint32_t, 2> key);

// What a stream is for, so that streams of one seed never overlap.
enum class RandomPurpose : std::uint32_t {
  kWeights = 1,
  kPermutation = 2,
  kGenerator = 3,
  kDropout = 4
};

// Numbers of one stream, in order. The same arguments give the same numbers on
// every machine. One thread at a time.
class PhiloxStream {
 public:
  // The key is the seed; purpose and index (a layer, an epoch, a row) are the
  // upper half of the counter, whose lower half counts blocks.
  PhiloxStream(std::uint64_t seed, RandomPurpose purpose, std::uint32_t index = 0);

  std::uint32_t NextUint32();
  // The first draw is the upper half.
  std::uint64_t NextUint64();
  // In [0, 1), a multiple of 2^-53.
  double NextUniform();
  // In [0, bound), unbiased (Lemire 2019: multiply, reject the short remainder);
  // `bound` is at least 1.
  std::uint64_t NextBelow(std::uint64_t bound);
  // Standard normal, by Marsaglia's polar method.
  double NextNormal();

 private:
  std::array<std::uint32_t, 2> key_;
  std::array<std::uint32_t, 4> counter_;
  std::array<std::uint32_t, 4> block_{};
  // Of block_: all used to begin with.
  int used_ = 4;
  // The polar method makes two at a time.
  std::optional<double> spare_normal_;
};

// A uniformly random order of 0..n-1 (Fisher and Yates), keyed by (seed, epoch).
std::vector<std::uint32_t> RandomPermutation(std::uint32_t n, std::uint64_t seed,
                                             std::uint32_t epoch);

}  // namespace trainyard

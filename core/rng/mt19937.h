// MT19937, the Mersenne Twister of Matsumoto and Nishimura (1998), and what
// NumPy's legacy functions draw from it: np.random.seed, rand and permutation.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace trainyard {

// One stream of numbers; a copy goes on from where it was taken.
class Mt19937 {
 public:
  static constexpr int kWords = 624;

  // Everything that the next numbers depend on.
  struct State {
    std::array<std::uint32_t, kWords> words{};
    // Words used of those, 0 to kWords.
    int position = kWords;
    friend bool operator==(const State&, const State&) = default;
  };

  // np.random.seed(seed): word i is 1812433253 (w ^ (w >> 30)) + i of the one
  // before, w.
  explicit Mt19937(std::uint32_t seed);
  explicit Mt19937(const State& state) : state_(state) {}

  std::uint32_t NextUint32();
  // np.random.rand(): (a 2^26 + b) / 2^53 of the upper 27 and 26 bits of two
  // outputs.
  double NextUniform();
  // np.random.permutation(n): for i from n - 1 down to 1 swaps i with j in
  // [0, i], drawn by masking an output and rejecting what exceeds i.
  std::vector<std::uint32_t> Permutation(std::uint32_t n);

  const State& state() const { return state_; }

 private:
  void Refill();

  State state_;
};

}  // namespace trainyard

// Weights and biases of a network, and their digest.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/nn/network.h"

namespace trainyard {

// W_1, b_1, W_2, b_2, ... each row-major, one after another without gaps.
// T is float or double.
template <typename T>
class Parameters {
 public:
  // All zero.
  explicit Parameters(const NetworkSpec& spec);

  int layer_count() const { return static_cast<int>(shapes_.size()); }
  const LayerShape& shape(int layer) const { return shapes_[layer]; }
  std::span<T> weights(int layer);
  std::span<const T> weights(int layer) const;
  // Empty without biases.
  std::span<T> biases(int layer);
  std::span<const T> biases(int layer) const;
  // Everything, in the order of the digest.
  std::span<T> values() { return values_; }
  std::span<const T> values() const { return values_; }

 private:
  std::vector<LayerShape> shapes_;
  std::vector<std::size_t> offsets_;
  std::vector<T> values_;
};

// Draws the weights from Philox keyed by the spec's seed, with biases of 0; or
// rounds those given, which must be there.
template <typename T>
Parameters<T> DrawParameters(const NetworkSpec& spec);

// Lower-case hexadecimal SHA-256 over W_1, b_1, ..., little-endian.
template <typename T>
std::string DigestOf(const Parameters<T>& parameters);

}  // namespace trainyard

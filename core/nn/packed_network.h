// A network in the layout that the kernels want.
#pragma once

#include <cstdint>
#include <vector>

#include "core/kernels/aligned_buffer.h"
#include "core/nn/network.h"
#include "core/nn/parameters.h"

namespace trainyard {

// Layer i of a packed network: row r of W at weights + r * stride, padded with
// zeros (core/kernels/kernels.h says how).
template <typename T>
struct PackedLayer {
  int inputs = 0;
  int units = 0;
  Activation activation = Activation::kLinear;
  // Of W's rows; also the padded length of the layer's vectors.
  std::int64_t stride = 0;
  T* weights = nullptr;
  // All zero, and to be left so, in a network without biases.
  T* biases = nullptr;
};

// Owns padded copies of a network's weights and biases.
template <typename T>
class PackedNetwork {
 public:
  // All zero.
  explicit PackedNetwork(const NetworkSpec& spec);
  PackedNetwork(const NetworkSpec& spec, const Parameters<T>& parameters);

  const NetworkSpec& spec() const { return spec_; }
  int layer_count() const { return static_cast<int>(layers_.size()); }
  const PackedLayer<T>& layer(int index) const { return layers_[static_cast<std::size_t>(index)]; }

  // All layers one after another, each W with its padding and then b.
  T* data() { return memory_.data(); }
  const T* data() const { return memory_.data(); }
  std::int64_t element_count() const { return static_cast<std::int64_t>(memory_.size()); }

  void CopyFrom(const Parameters<T>& parameters);
  void CopyTo(Parameters<T>& parameters) const;

  // Elements that a network of this spec occupies.
  static std::int64_t ElementCount(const NetworkSpec& spec);

 private:
  NetworkSpec spec_;
  AlignedBuffer<T> memory_;
  std::vector<PackedLayer<T>> layers_;
};

}  // namespace trainyard

#include "core/nn/packed_network.h"

#include <algorithm>
#include <span>

namespace trainyard {

template <typename T>
std::int64_t PackedNetwork<T>::ElementCount(const NetworkSpec& spec) {
  std::int64_t count = 0;
  // One row more for the biases.
  for (const LayerShape& shape : ShapesOf(spec)) {
    count += (std::int64_t{shape.inputs} + 1) * PaddedStride<T>(shape.units);
  }
  return count;
}

template <typename T>
PackedNetwork<T>::PackedNetwork(const NetworkSpec& spec)
    : spec_(spec), memory_(static_cast<std::size_t>(ElementCount(spec))) {
  T* next = memory_.data();
  const std::vector<LayerShape> shapes = ShapesOf(spec);
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    PackedLayer<T> layer;
    layer.inputs = shapes[i].inputs;
    layer.units = shapes[i].units;
    layer.activation = spec.layers[i].activation;
    layer.stride = PaddedStride<T>(layer.units);
    layer.weights = next;
    layer.biases = next + layer.inputs * layer.stride;
    next = layer.biases + layer.stride;
    layers_.push_back(layer);
  }
}

template <typename T>
PackedNetwork<T>::PackedNetwork(const NetworkSpec& spec, const Parameters<T>& parameters)
    : PackedNetwork(spec) {
  CopyFrom(parameters);
}

template <typename T>
void PackedNetwork<T>::CopyFrom(const Parameters<T>& parameters) {
  for (int i = 0; i < layer_count(); ++i) {
    const PackedLayer<T>& to = layer(i);
    const std::span<const T> weights = parameters.weights(i);
    for (int row = 0; row < to.inputs; ++row) {
      std::copy_n(weights.data() + std::int64_t{row} * to.units, to.units,
                  to.weights + row * to.stride);
    }
    std::ranges::copy(parameters.biases(i), to.biases);
  }
}

template <typename T>
void PackedNetwork<T>::CopyTo(Parameters<T>& parameters) const {
  for (int i = 0; i < layer_count(); ++i) {
    const PackedLayer<T>& from = layer(i);
    const std::span<T> weights = parameters.weights(i);
    for (int row = 0; row < from.inputs; ++row) {
      std::copy_n(from.weights + row * from.stride, from.units,
                  weights.data() + std::int64_t{row} * from.units);
    }
    std::copy_n(from.biases, parameters.biases(i).size(), parameters.biases(i).data());
  }
}

template class PackedNetwork<float>;
template class PackedNetwork<double>;

}  // namespace trainyard

#include "core/nn/parameters.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cmath>
#include <type_traits>

#include "core/base/file.h"
#include "core/rng/philox.h"

namespace trainyard {
namespace {

// The digest and the files are little-endian, and so are the machines we run on.
static_assert(std::endian::native == std::endian::little);

// One weight of a layer, from the layer's own stream.
double Draw(const UniformInitializer& uniform, const LayerShape&, PhiloxStream& stream) {
  return uniform.high - (uniform.high - uniform.low) * stream.NextUniform();
}

double Draw(const XavierInitializer&, const LayerShape& shape, PhiloxStream& stream) {
  const double limit = std::sqrt(6.0 / (static_cast<double>(shape.inputs) + shape.units));
  return limit - 2 * limit * stream.NextUniform();
}

double Draw(const HeInitializer&, const LayerShape& shape, PhiloxStream& stream) {
  return std::sqrt(2.0 / shape.inputs) * stream.NextNormal();
}

double Draw(const ZerosInitializer&, const LayerShape&, PhiloxStream&) { return 0; }

// Given, not drawn: Parameters and the user's values are in the same order.
template <typename T>
void CopyGiven(const GivenInitializer& given, Parameters<T>& parameters) {
  assert(given.values != nullptr && given.values->size() == parameters.values().size());
  std::ranges::transform(*given.values, parameters.values().begin(),
                         [](double value) { return static_cast<T>(value); });
}

}  // namespace

template <typename T>
Parameters<T>::Parameters(const NetworkSpec& spec) : shapes_(ShapesOf(spec)) {
  std::size_t offset = 0;
  for (const LayerShape& layer : shapes_) {
    offsets_.push_back(offset);
    offset += static_cast<std::size_t>(layer.parameters());
  }
  values_.resize(offset);
}

template <typename T>
std::span<const T> Parameters<T>::weights(int layer) const {
  const auto index = static_cast<std::size_t>(layer);
  const LayerShape& shape = shapes_[index];
  return std::span(values_).subspan(offsets_[index],
                                    static_cast<std::size_t>(shape.parameters() - shape.biases));
}

template <typename T>
std::span<const T> Parameters<T>::biases(int layer) const {
  const auto index = static_cast<std::size_t>(layer);
  const LayerShape& shape = shapes_[index];
  const auto weight_count = static_cast<std::size_t>(shape.parameters() - shape.biases);
  return std::span(values_).subspan(offsets_[index] + weight_count,
                                    static_cast<std::size_t>(shape.biases));
}

template <typename T>
std::span<T> Parameters<T>::weights(int layer) {
  const std::span<const T> found = std::as_const(*this).weights(layer);
  return std::span(values_).subspan(static_cast<std::size_t>(found.data() - values_.data()),
                                    found.size());
}

template <typename T>
std::span<T> Parameters<T>::biases(int layer) {
  const std::span<const T> found = std::as_const(*this).biases(layer);
  return std::span(values_).subspan(static_cast<std::size_t>(found.data() - values_.data()),
                                    found.size());
}

template <typename T>
Parameters<T> DrawParameters(const NetworkSpec& spec) {
  Parameters<T> parameters(spec);
  if (const auto* given = std::get_if<GivenInitializer>(&spec.initializer)) {
    CopyGiven(*given, parameters);
    return parameters;
  }
  for (int layer = 0; layer < parameters.layer_count(); ++layer) {
    PhiloxStream stream(spec.seed, RandomPurpose::kWeights, static_cast<std::uint32_t>(layer));
    const LayerShape& shape = parameters.shape(layer);
    std::visit(
        [&](const auto& initializer) {
          for (T& weight : parameters.weights(layer)) {
            if constexpr (!std::is_same_v<std::decay_t<decltype(initializer)>, GivenInitializer>) {
              weight = static_cast<T>(Draw(initializer, shape, stream));
            }
          }
        },
        spec.initializer);
  }
  return parameters;
}

template <typename T>
std::string DigestOf(const Parameters<T>& parameters) {
  const std::span<const T> values = parameters.values();
  Sha256 digest;
  digest.Update(
      std::span(reinterpret_cast<const std::uint8_t*>(values.data()), values.size_bytes()));
  return digest.HexDigest();
}

template class Parameters<float>;
template class Parameters<double>;
template Parameters<float> DrawParameters<float>(const NetworkSpec&);
template Parameters<double> DrawParameters<double>(const NetworkSpec&);
template std::string DigestOf(const Parameters<float>&);
template std::string DigestOf(const Parameters<double>&);

}  // namespace trainyard

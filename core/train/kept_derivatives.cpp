#include "core/train/kept_derivatives.h"

#include "core/rng/philox.h"

namespace trainyard {

template <typename T>
KeptDerivatives<T>::KeptDerivatives(const NetworkSpec& network, const TrainingSpec& spec,
                                    std::int64_t max_rows)
    : network_(network), dropout_(spec.dropout), seed_(spec.seed) {
  for (std::size_t i = 0; i < network.layers.size(); ++i) {
    const LayerSpec& layer = network.layers[i];
    const bool hidden = i + 1 < network.layers.size();
    const bool kept = !HasDerivativeOfOutput(layer.activation) || (hidden && dropout_ > 0);
    const std::int64_t size = kept ? max_rows * PaddedStride<T>(layer.units) : 0;
    derivatives_.push_back(kept ? AlignedBuffer<T>(static_cast<std::size_t>(size))
                                : AlignedBuffer<T>());
  }
}

template <typename T>
void KeptDerivatives<T>::SetPlace(int epoch, std::int64_t first) {
  epoch_ = epoch;
  first_ = first;
}

template <typename T>
void KeptDerivatives<T>::Activate(int layer, std::int64_t first, std::int64_t rows, T* sums,
                                  std::int64_t stride) {
  const auto index = static_cast<std::size_t>(layer);
  const LayerSpec& spec = network_.layers[index];
  T* const derivatives = derivatives_[index].data() + first * stride;
  ActiveKernels<T>().activate_with_derivative(spec.activation, rows, spec.units, sums, stride,
                                              derivatives);
  if (dropout_ == 0 || index + 1 == network_.layers.size()) return;
  for (std::int64_t row = 0; row < rows; ++row) {
    DropOut(layer, first + row, sums + row * stride, derivatives + row * stride);
  }
}

// Four units a block of Philox, counted by block, place in the epoch's order,
// layer and epoch.
template <typename T>
void KeptDerivatives<T>::DropOut(int layer, std::int64_t row, T* activations,
                                 T* derivatives) const {
  constexpr std::uint32_t kLayerStep = 256;
  const int units = network_.layers[static_cast<std::size_t>(layer)].units;
  const auto threshold = static_cast<std::uint64_t>(dropout_ * 0x1p32);
  const T scale = static_cast<T>(1 / (1 - dropout_));
  const std::uint32_t purpose = static_cast<std::uint32_t>(RandomPurpose::kDropout) +
                                kLayerStep * static_cast<std::uint32_t>(layer);
  const std::array<std::uint32_t, 2> key = {static_cast<std::uint32_t>(seed_),
                                            static_cast<std::uint32_t>(seed_ >> 32)};
  for (int unit = 0; unit < units; unit += 4) {
    const auto words =
        Philox4x32({static_cast<std::uint32_t>(unit / 4), static_cast<std::uint32_t>(first_ + row),
                    purpose, static_cast<std::uint32_t>(epoch_)},
                   key);
    for (int i = 0; i < 4 && unit + i < units; ++i) {
      const T factor = words[static_cast<std::size_t>(i)] < threshold ? T{0} : scale;
      activations[unit + i] *= factor;
      derivatives[unit + i] *= factor;
    }
  }
}

template class KeptDerivatives<float>;
template class KeptDerivatives<double>;

}  // namespace trainyard

// The layers of a mini-batch whose derivative cannot be told from their
// activations: GELU's, and hidden layers that dropout thins. Theirs is kept from
// the forward pass.
#pragma once

#include <cstdint>
#include <vector>

#include "core/eval/batch_forward.h"
#include "core/kernels/aligned_buffer.h"
#include "core/train/training_spec.h"

namespace trainyard {

template <typename T>
class KeptDerivatives final : public ForwardHook<T> {
 public:
  // For up to `max_rows` rows at once. Keeps a reference to `network`.
  KeptDerivatives(const NetworkSpec& network, const TrainingSpec& spec, std::int64_t max_rows);

  // Where the rows of the next forward pass are: row 0 is at `first` of the
  // epoch's order. Dropout's masks depend on it, and on nothing else that
  // changes.
  void SetPlace(int epoch, std::int64_t first);

  bool Takes(int layer) const override { return Of(layer) != nullptr; }
  void Activate(int layer, std::int64_t first, std::int64_t rows, T* sums,
                std::int64_t stride) override;

  // da/dn of a layer, as its activations lie; null where it is not kept.
  const T* Of(int layer) const { return derivatives_[static_cast<std::size_t>(layer)].data(); }

 private:
  void DropOut(int layer, std::int64_t row, T* activations, T* derivatives) const;

  const NetworkSpec& network_;
  double dropout_;
  std::uint64_t seed_;
  int epoch_ = 0;
  std::int64_t first_ = 0;
  // Empty for layers that are not kept.
  std::vector<AlignedBuffer<T>> derivatives_;
};

}  // namespace trainyard

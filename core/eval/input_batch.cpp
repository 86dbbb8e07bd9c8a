#include "core/eval/input_batch.h"

#include <algorithm>
#include <cstring>

namespace trainyard {

namespace {

// Whether eight values, most of an image, are 0 or -0.
bool AreZero(const float* values) {
  std::array<std::uint64_t, 4> words{};
  std::memcpy(words.data(), values, sizeof(words));
  constexpr std::uint64_t kWithoutSigns = 0x7fffffff7fffffff;
  return ((words[0] | words[1] | words[2] | words[3]) & kWithoutSigns) == 0;
}

}  // namespace

template <typename T>
InputScaler<T>::InputScaler(const Scaling& scaling, int features)
    : scaling_(scaling), features_(features) {
  if (scaling.kind == ScalingKind::kStandard) return;
  for (std::size_t byte = 0; byte < of_byte_.size(); ++byte) {
    of_byte_[byte] = Scaled(static_cast<double>(byte), 0);
  }
}

template <typename T>
T InputScaler<T>::Scaled(double raw, std::size_t feature) const {
  switch (scaling_.kind) {
    case ScalingKind::kNone:
      return static_cast<T>(raw);
    case ScalingKind::kDivideBy255:
      return static_cast<T>(raw / 255);
    case ScalingKind::kStandard:
      return static_cast<T>((raw - scaling_.offset[feature]) * scaling_.factor[feature]);
  }
  return static_cast<T>(raw);
}

template <typename T>
std::int64_t InputScaler<T>::Scale(std::span<const std::uint8_t> raw, std::int32_t* columns,
                                   T* values) const {
  std::int64_t count = 0;
  const bool by_table = scaling_.kind != ScalingKind::kStandard;
  const auto append = [&](std::int32_t i) {
    const auto feature = static_cast<std::size_t>(i);
    const T value = by_table ? of_byte_[raw[feature]] : Scaled(raw[feature], feature);
    // Without a branch: an entry that is zero is overwritten by the next.
    columns[count] = i;
    values[count] = value;
    count += value != T{0} ? 1 : 0;
  };
  std::int32_t i = 0;
  for (; i + 8 <= features_; i += 8) {
    // Eight zero bytes, most of an image, are passed over at once.
    std::uint64_t eight = 0;
    std::memcpy(&eight, raw.data() + i, sizeof(eight));
    if (by_table && eight == 0) continue;
    for (std::int32_t j = i; j < i + 8; ++j) append(j);
  }
  for (; i < features_; ++i) append(i);
  return count;
}

template <typename T>
std::int64_t InputScaler<T>::Scale(std::span<const float> raw, std::int32_t* columns,
                                   T* values) const {
  std::int64_t count = 0;
  const bool zero_stays = scaling_.kind != ScalingKind::kStandard;
  const auto append = [&](std::int32_t i) {
    const auto feature = static_cast<std::size_t>(i);
    const T value = Scaled(static_cast<double>(raw[feature]), feature);
    columns[count] = i;
    values[count] = value;
    count += value != T{0} ? 1 : 0;
  };
  std::int32_t i = 0;
  for (; i + 8 <= features_; i += 8) {
    if (zero_stays && AreZero(raw.data() + i)) continue;
    for (std::int32_t j = i; j < i + 8; ++j) append(j);
  }
  for (; i < features_; ++i) append(i);
  return count;
}

template <typename T>
InputBatch<T>::InputBatch(const Scaling& scaling, int features, std::int64_t max_rows)
    : scaler_(scaling, features), features_(features) {
  const auto entries = static_cast<std::size_t>(max_rows * features);
  offsets_.resize(static_cast<std::size_t>(max_rows) + 1);
  // One more: a zero is written behind the last entry before it is dropped.
  columns_.resize(entries + 1);
  values_.resize(entries + 1);
}

template <typename T>
void InputBatch<T>::Clear() {
  row_count_ = 0;
}

template <typename T>
void InputBatch<T>::Append(const Dataset& dataset, std::int64_t row) {
  const std::int64_t at = offsets_[static_cast<std::size_t>(row_count_)];
  Finish(dataset.feature_type() == FeatureType::kUint8
             ? scaler_.Scale(dataset.BytesOf(row), columns_.data() + at, values_.data() + at)
             : scaler_.Scale(dataset.FloatsOf(row), columns_.data() + at, values_.data() + at));
}

template <typename T>
void InputBatch<T>::Append(std::span<const float> raw) {
  const std::int64_t at = offsets_[static_cast<std::size_t>(row_count_)];
  Finish(scaler_.Scale(raw, columns_.data() + at, values_.data() + at));
}

template <typename T>
void InputBatch<T>::Append(std::span<const std::uint8_t> raw) {
  const std::int64_t at = offsets_[static_cast<std::size_t>(row_count_)];
  Finish(scaler_.Scale(raw, columns_.data() + at, values_.data() + at));
}

template <typename T>
void InputBatch<T>::Finish(std::int64_t added) {
  const auto row = static_cast<std::size_t>(row_count_++);
  offsets_[row + 1] = offsets_[row] + added;
}

template <typename T>
SparseRows<T> InputBatch<T>::rows() const {
  return {row_count_, offsets_.data(), columns_.data(), values_.data()};
}

template <typename T>
SparseRows<T> InputBatch<T>::Transposed() {
  const std::int64_t entries = offsets_[static_cast<std::size_t>(row_count_)];
  transposed_rows_.resize(columns_.size());
  transposed_values_.resize(values_.size());
  // Counts, two places on, become starts and, as entries are placed, ends.
  transposed_offsets_.assign(static_cast<std::size_t>(features_) + 2, 0);
  for (std::int64_t e = 0; e < entries; ++e) {
    ++transposed_offsets_[static_cast<std::size_t>(columns_[static_cast<std::size_t>(e)]) + 2];
  }
  for (std::size_t i = 2; i < transposed_offsets_.size(); ++i) {
    transposed_offsets_[i] += transposed_offsets_[i - 1];
  }
  for (std::int64_t row = 0; row < row_count_; ++row) {
    const auto end = static_cast<std::size_t>(offsets_[static_cast<std::size_t>(row) + 1]);
    for (auto e = static_cast<std::size_t>(offsets_[static_cast<std::size_t>(row)]); e < end; ++e) {
      const auto to = static_cast<std::size_t>(
          transposed_offsets_[static_cast<std::size_t>(columns_[e]) + 1]++);
      transposed_rows_[to] = static_cast<std::int32_t>(row);
      transposed_values_[to] = values_[e];
    }
  }
  return {features_, transposed_offsets_.data(), transposed_rows_.data(),
          transposed_values_.data()};
}

template <typename T>
TargetReader<T>::TargetReader(const NetworkSpec& network, const Dataset& dataset)
    : dataset_(dataset),
      single_(network.outputs() == 1),
      low_(single_ && network.layers.back().activation == Activation::kTanh ? T{-1} : T{0}) {}

template <typename T>
void TargetReader<T>::Read(std::int64_t row, std::span<T> target) const {
  if (dataset_.task() == Task::kRegression) {
    const std::span<const float> values =
        dataset_.targets().subspan(static_cast<std::size_t>(row) * target.size(), target.size());
    std::ranges::transform(values, target.begin(), [](float v) { return static_cast<T>(v); });
    return;
  }
  const std::int32_t label = dataset_.labels()[static_cast<std::size_t>(row)];
  if (single_) {
    target[0] = label > 0 ? T{1} : low_;
    return;
  }
  std::ranges::fill(target, T{0});
  target[static_cast<std::size_t>(label)] = T{1};
}

template class InputScaler<float>;
template class InputScaler<double>;
template class InputBatch<float>;
template class InputBatch<double>;
template class TargetReader<float>;
template class TargetReader<double>;

}  // namespace trainyard

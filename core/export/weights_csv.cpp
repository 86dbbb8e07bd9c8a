#include "core/export/weights_csv.h"

#include <array>
#include <charconv>
#include <cstring>

#include "core/base/text.h"

namespace trainyard {
namespace {

// Appends `count` values from `bytes` on.
template <typename T>
void AppendRow(const std::uint8_t* bytes, std::int64_t count, std::string& line) {
  for (std::int64_t i = 0; i < count; ++i) {
    T value = 0;
    std::memcpy(&value, bytes + static_cast<std::size_t>(i) * sizeof(T), sizeof(T));
    std::array<char, 32> text{};
    const auto end = std::to_chars(text.begin(), text.end(), value).ptr;
    line += ',';
    line.append(text.begin(), end);
  }
  line += '\n';
}

absl::Status WriteTensor(const ExportTensor& tensor, const ByteSink& sink) {
  const std::int64_t rows = tensor.shape.size() == 1 ? 1 : tensor.shape[0];
  const std::int64_t columns = tensor.shape.back();
  const std::int64_t row_bytes = columns * (tensor.f64 ? 8 : 4);
  std::string line;
  for (std::int64_t row = 0; row < rows; ++row) {
    line = StrCat(tensor.name, ",", row);
    const std::uint8_t* const values = tensor.bytes.data() + row * row_bytes;
    if (tensor.f64) {
      AppendRow<double>(values, columns, line);
    } else {
      AppendRow<float>(values, columns, line);
    }
    absl::Status status = sink({reinterpret_cast<const std::uint8_t*>(line.data()), line.size()});
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status WriteWeightsCsv(const ExportTensors& tensors, const ByteSink& sink) {
  for (const ExportTensor& tensor : tensors.list()) {
    if (absl::Status status = WriteTensor(tensor, sink); !status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace trainyard

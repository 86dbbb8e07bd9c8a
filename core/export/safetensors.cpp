#include "core/export/safetensors.h"

#include <array>
#include <cstdint>
#include <nlohmann/json.hpp>

namespace trainyard {
namespace {

std::string HeaderOf(const ExportTensors& tensors,
                     const std::map<std::string, std::string>& facts) {
  nlohmann::ordered_json header;
  header["__metadata__"] = facts;
  std::size_t at = 0;
  for (const ExportTensor& tensor : tensors.list()) {
    header[tensor.name] = {{"dtype", tensor.f64 ? "F64" : "F32"},
                           {"shape", tensor.shape},
                           {"data_offsets", {at, at + tensor.bytes.size()}}};
    at += tensor.bytes.size();
  }
  std::string text = header.dump();
  // So that the tensors begin on eight bytes.
  text.resize((text.size() + 7) / 8 * 8, ' ');
  return text;
}

template <typename Container>
std::span<const std::uint8_t> BytesOf(const Container& values) {
  return {reinterpret_cast<const std::uint8_t*>(values.data()), values.size() * sizeof(values[0])};
}

}  // namespace

absl::Status WriteSafetensors(const ExportTensors& tensors,
                              const std::map<std::string, std::string>& facts,
                              const ByteSink& sink) {
  const std::string header = HeaderOf(tensors, facts);
  const std::array<std::uint64_t, 1> length = {header.size()};
  absl::Status status = sink(BytesOf(length));
  if (status.ok()) status = sink(BytesOf(header));
  for (const ExportTensor& tensor : tensors.list()) {
    if (status.ok()) status = sink(tensor.bytes);
  }
  return status;
}

}  // namespace trainyard

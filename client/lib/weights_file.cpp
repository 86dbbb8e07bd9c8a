#include "client/lib/weights_file.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/lib/npz.h"
#include "client/lib/safetensors.h"

namespace trainyard::client {
namespace {

std::string Words(const std::vector<std::int64_t>& shape) {
  return absl::StrCat("[", absl::StrJoin(shape, ", "), "]");
}

// Takes a tensor out, which must be there and have a shape.
absl::Status Take(WeightTensors& tensors, const std::string& file, const std::string& name,
                  const std::vector<std::int64_t>& shape,
                  google::protobuf::RepeatedField<double>& to) {
  const auto found = tensors.find(name);
  if (found == tensors.end()) {
    return absl::InvalidArgumentError(absl::StrCat(
        file, ": has no tensor ", name, "; the network needs it of shape ", Words(shape)));
  }
  const WeightTensor& tensor = found->second;
  if (tensor.shape != shape) {
    return absl::InvalidArgumentError(absl::StrCat(file, ": tensor ", name, " has shape ",
                                                   Words(tensor.shape), "; the network needs ",
                                                   Words(shape)));
  }
  to.Add(tensor.values.begin(), tensor.values.end());
  tensors.erase(found);
  return absl::OkStatus();
}

bool IsArchive(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  std::array<char, 4> magic{};
  stream.read(magic.data(), magic.size());
  // The length that a safetensors file begins with is never so large.
  return stream && absl::string_view(magic.data(), magic.size()) == "PK\x03\x04";
}

}  // namespace

bool IsWeightName(absl::string_view name) {
  if (name.size() < 2 || name.size() > 4 || (name[0] != 'W' && name[0] != 'b')) return false;
  return std::all_of(name.begin() + 1, name.end(), [](char c) { return c >= '0' && c <= '9'; });
}

absl::StatusOr<v1::WeightsInitializer> ReadWeights(const std::filesystem::path& path,
                                                   const v1::NetworkSpec& network) {
  absl::StatusOr<WeightTensors> tensors = IsArchive(path) ? ReadNpz(path) : ReadSafetensors(path);
  if (!tensors.ok()) return tensors.status();
  const std::string file = path.string();
  const bool bias = !network.has_bias() || network.bias();
  v1::WeightsInitializer weights;
  std::int64_t inputs = network.input_count();
  for (int i = 0; i < network.layers_size(); ++i) {
    const std::int64_t units = network.layers(i).units();
    v1::LayerWeights& layer = *weights.add_layers();
    absl::Status status =
        Take(*tensors, file, absl::StrCat("W", i + 1), {inputs, units}, *layer.mutable_weights());
    if (status.ok() && bias) {
      status = Take(*tensors, file, absl::StrCat("b", i + 1), {units}, *layer.mutable_biases());
    }
    if (!status.ok()) return status;
    inputs = units;
  }
  if (tensors->empty()) return weights;
  return absl::InvalidArgumentError(
      absl::StrCat(file, ": tensor ", tensors->begin()->first, " of shape ",
                   Words(tensors->begin()->second.shape), " has no place in the network"));
}

}  // namespace trainyard::client

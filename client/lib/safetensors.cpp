#include "client/lib/safetensors.h"

#include <bit>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/strings/str_cat.h"

namespace trainyard::client {
namespace {

using Json = nlohmann::json;

// Numbers are little-endian in the file.
static_assert(std::endian::native == std::endian::little);

// The file's parts: JSON that says where each tensor is, and their bytes.
struct File {
  std::string name;
  Json header;
  std::string bytes;
};

absl::Status Wrong(const File& file, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(file.name, ": ", what));
}

absl::StatusOr<File> Open(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream) return absl::NotFoundError(absl::StrCat(path.string(), ": cannot be read"));
  const std::string content{std::istreambuf_iterator<char>(stream), {}};
  File file{path.string(), {}, {}};
  std::uint64_t length = 0;
  if (content.size() >= sizeof(length)) std::memcpy(&length, content.data(), sizeof(length));
  if (length == 0 || length > content.size() - sizeof(length)) {
    return Wrong(file, "not a safetensors file");
  }
  file.header = Json::parse(content.substr(sizeof(length), length), nullptr, false);
  if (!file.header.is_object()) return Wrong(file, "not a safetensors file");
  file.bytes = content.substr(sizeof(length) + length);
  return file;
}

template <typename T>
std::vector<double> Numbers(absl::string_view bytes) {
  std::vector<double> values(bytes.size() / sizeof(T));
  for (std::size_t i = 0; i < values.size(); ++i) {
    T value = 0;
    std::memcpy(&value, bytes.data() + i * sizeof(T), sizeof(T));
    values[i] = static_cast<double>(value);
  }
  return values;
}

absl::StatusOr<absl::string_view> BytesOf(const File& file, const std::string& name,
                                          const Json& offsets) {
  if (!offsets.is_array() || offsets.size() != 2 || !offsets[0].is_number_unsigned() ||
      !offsets[1].is_number_unsigned()) {
    return Wrong(file, absl::StrCat("tensor ", name, " has no place"));
  }
  const auto begin = offsets[0].get<std::uint64_t>();
  const auto end = offsets[1].get<std::uint64_t>();
  if (begin > end || end > file.bytes.size()) {
    return Wrong(file, absl::StrCat("tensor ", name, " goes beyond the end of the file"));
  }
  return absl::string_view(file.bytes).substr(begin, end - begin);
}

absl::StatusOr<std::vector<std::int64_t>> ShapeOf(const File& file, const std::string& name,
                                                  const Json& shape) {
  std::vector<std::int64_t> dims;
  for (const Json& dim : shape) {
    if (!dim.is_number_unsigned()) break;
    dims.push_back(dim.get<std::int64_t>());
  }
  if (shape.is_array() && dims.size() == shape.size()) return dims;
  return Wrong(file, absl::StrCat("tensor ", name, " has no shape"));
}

absl::StatusOr<WeightTensor> ReadTensor(const File& file, const std::string& name,
                                        const Json& entry) {
  const auto field = [&](const char* key) {
    return entry.is_object() ? entry.value(key, Json()) : Json();
  };
  const Json dtype = field("dtype");
  if (dtype != "F32" && dtype != "F64") {
    return Wrong(file, absl::StrCat("tensor ", name, " is neither F32 nor F64"));
  }
  const auto bytes = BytesOf(file, name, field("data_offsets"));
  if (!bytes.ok()) return bytes.status();
  auto shape = ShapeOf(file, name, field("shape"));
  if (!shape.ok()) return shape.status();
  WeightTensor tensor{*std::move(shape),
                      dtype == "F32" ? Numbers<float>(*bytes) : Numbers<double>(*bytes)};
  double count = 1;
  for (const std::int64_t dim : tensor.shape) count *= static_cast<double>(dim);
  if (count == static_cast<double>(tensor.values.size())) return tensor;
  return Wrong(file, absl::StrCat("tensor ", name, " does not have the size of its shape"));
}

}  // namespace

absl::StatusOr<WeightTensors> ReadSafetensors(const std::filesystem::path& path) {
  const absl::StatusOr<File> file = Open(path);
  if (!file.ok()) return file.status();
  WeightTensors tensors;
  for (const auto& [name, entry] : file->header.items()) {
    if (!IsWeightName(name)) continue;
    auto tensor = ReadTensor(*file, name, entry);
    if (!tensor.ok()) return tensor.status();
    tensors[name] = *std::move(tensor);
  }
  return tensors;
}

}  // namespace trainyard::client

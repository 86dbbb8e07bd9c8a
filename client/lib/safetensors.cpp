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
void Append(const char* bytes, std::size_t size, google::protobuf::RepeatedField<double>& values) {
  for (std::size_t at = 0; at + sizeof(T) <= size; at += sizeof(T)) {
    T value = 0;
    std::memcpy(&value, bytes + at, sizeof(T));
    values.Add(static_cast<double>(value));
  }
}

// Nothing to do for a tensor that is not there.
absl::Status ReadTensor(const File& file, const std::string& name,
                        google::protobuf::RepeatedField<double>& values) {
  const auto found = file.header.find(name);
  if (found == file.header.end()) return absl::OkStatus();
  const Json dtype = found->is_object() ? found->value("dtype", Json()) : Json();
  const Json offsets = found->is_object() ? found->value("data_offsets", Json()) : Json();
  if (dtype != "F32" && dtype != "F64") {
    return Wrong(file, absl::StrCat("tensor ", name, " is neither F32 nor F64"));
  }
  if (!offsets.is_array() || offsets.size() != 2 || !offsets[0].is_number_unsigned() ||
      !offsets[1].is_number_unsigned()) {
    return Wrong(file, absl::StrCat("tensor ", name, " has no place"));
  }
  const auto begin = offsets[0].get<std::uint64_t>();
  const auto end = offsets[1].get<std::uint64_t>();
  if (begin > end || end > file.bytes.size()) {
    return Wrong(file, absl::StrCat("tensor ", name, " goes beyond the end of the file"));
  }
  const char* const bytes = file.bytes.data() + begin;
  if (dtype == "F32") {
    Append<float>(bytes, end - begin, values);
  } else {
    Append<double>(bytes, end - begin, values);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<v1::WeightsInitializer> ReadSafetensors(const std::filesystem::path& path) {
  const absl::StatusOr<File> file = Open(path);
  if (!file.ok()) return file.status();
  v1::WeightsInitializer weights;
  for (int i = 1; file->header.contains(absl::StrCat("W", i)); ++i) {
    v1::LayerWeights& layer = *weights.add_layers();
    absl::Status status = ReadTensor(*file, absl::StrCat("W", i), *layer.mutable_weights());
    if (status.ok()) status = ReadTensor(*file, absl::StrCat("b", i), *layer.mutable_biases());
    if (!status.ok()) return status;
  }
  if (weights.layers().empty()) return Wrong(*file, "has no tensor W1");
  return weights;
}

}  // namespace trainyard::client

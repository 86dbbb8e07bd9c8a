#include "core/export/npz.h"

#include <zlib.h>

#include <algorithm>
#include <limits>

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/data/npy.h"

namespace trainyard {
namespace {

// 1980-01-01, the first day that an archive knows: the same weights make the same
// file.
constexpr std::uint16_t kDate = 1 << 5 | 1;
// A plain file, by the version 2.0 of the format.
constexpr std::uint16_t kVersion = 20;

// Fields of a record, little-endian.
class Record {
 public:
  Record& U16(std::uint64_t value) { return Number(value, 2); }
  Record& U32(std::uint64_t value) { return Number(value, 4); }
  Record& Text(std::string_view text) {
    bytes_ += text;
    return *this;
  }
  std::span<const std::uint8_t> bytes() const {
    return {reinterpret_cast<const std::uint8_t*>(bytes_.data()), bytes_.size()};
  }

 private:
  Record& Number(std::uint64_t value, int size) {
    for (int i = 0; i < size; ++i) bytes_ += static_cast<char>(value >> (8 * i) & 0xff);
    return *this;
  }
  std::string bytes_;
};

std::uint64_t Crc32(std::span<const std::uint8_t> header, std::span<const std::uint8_t> data) {
  const uLong crc = ::crc32_z(0, header.data(), header.size());
  return ::crc32_z(crc, data.data(), data.size());
}

// Writes members one after another, then the directory.
class ZipWriter {
 public:
  explicit ZipWriter(const ByteSink& sink) : sink_(sink) {}

  absl::Status Add(const std::string& name, std::span<const std::uint8_t> header,
                   std::span<const std::uint8_t> data) {
    const std::uint64_t size = header.size() + data.size();
    Record entry;
    entry.U16(0).U16(0).U16(0).U16(kDate).U32(Crc32(header, data)).U32(size).U32(size);
    entry.U16(name.size()).U16(0);
    directory_.U32(0x02014b50).U16(kVersion).U16(kVersion);
    directory_.Text(TextOf(entry)).U16(0).U16(0).U16(0).U32(0).U32(at_).Text(name);
    ++members_;
    Record local;
    local.U32(0x04034b50).U16(kVersion).Text(TextOf(entry)).Text(name);
    absl::Status status = Write(local.bytes());
    if (status.ok()) status = Write(header);
    if (status.ok()) status = Write(data);
    return status;
  }

  absl::Status Finish() {
    const std::uint64_t begin = at_;
    const std::uint64_t size = directory_.bytes().size();
    absl::Status status = Write(directory_.bytes());
    Record end;
    end.U32(0x06054b50).U16(0).U16(0).U16(members_).U16(members_).U32(size).U32(begin).U16(0);
    if (status.ok()) status = Write(end.bytes());
    return status;
  }

 private:
  static std::string_view TextOf(const Record& record) {
    return {reinterpret_cast<const char*>(record.bytes().data()), record.bytes().size()};
  }
  absl::Status Write(std::span<const std::uint8_t> bytes) {
    at_ += bytes.size();
    return sink_(bytes);
  }

  const ByteSink& sink_;
  std::uint64_t at_ = 0;
  std::uint64_t members_ = 0;
  Record directory_;
};

absl::Status AddArray(ZipWriter& zip, const std::string& name, std::string_view descr,
                      std::span<const std::int64_t> shape, std::span<const std::uint8_t> data) {
  const std::string header = MakeNpyHeader(descr, shape);
  return zip.Add(name + ".npy",
                 {reinterpret_cast<const std::uint8_t*>(header.data()), header.size()}, data);
}

absl::Status AddActivations(ZipWriter& zip, const NetworkSpec& network) {
  std::size_t width = 1;
  for (const LayerSpec& layer : network.layers) {
    width = std::max(width, NameOf(layer.activation).size());
  }
  std::string text;
  for (const LayerSpec& layer : network.layers) {
    text += NameOf(layer.activation);
    text.resize((text.size() + width - 1) / width * width, '\0');
  }
  const std::vector<std::int64_t> shape = {static_cast<std::int64_t>(network.layers.size())};
  return AddArray(zip, "activations", StrCat("|S", width), shape,
                  {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
}

absl::Status CheckSize(const ExportTensors& tensors) {
  // Well above what headers and the directory need.
  constexpr std::uint64_t kOverhead = 1 << 20;
  std::uint64_t size = kOverhead;
  for (const ExportTensor& tensor : tensors.list()) size += tensor.bytes.size();
  if (size <= std::numeric_limits<std::uint32_t>::max()) return absl::OkStatus();
  return MakeError(absl::StatusCode::kFailedPrecondition, {"TOO_LARGE_FOR_FORMAT", "format", {}},
                   "the weights are too many for one NPZ file; export them as safetensors");
}

}  // namespace

absl::Status WriteNpz(const ExportTensors& tensors, const NetworkSpec& network,
                      const ByteSink& sink) {
  absl::Status status = CheckSize(tensors);
  ZipWriter zip(sink);
  for (const ExportTensor& tensor : tensors.list()) {
    if (!status.ok()) return status;
    status = AddArray(zip, tensor.name, tensor.f64 ? "<f8" : "<f4", tensor.shape, tensor.bytes);
  }
  if (status.ok()) status = AddActivations(zip, network);
  if (status.ok()) status = zip.Finish();
  return status;
}

}  // namespace trainyard

#include "core/checkpoint/checkpoint.h"

#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <string_view>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "core/base/error.h"
#include "core/base/file.h"
#include "core/checkpoint/header_text.h"

namespace trainyard {
namespace {

static_assert(std::endian::native == std::endian::little);

// More than 64 layers can need; a longer one is not ours.
constexpr std::uint64_t kMaxHeaderBytes = 64 << 10;
constexpr std::size_t kPieceBytes = 1 << 20;
constexpr std::string_view kSuffix = ".safetensors";

template <typename T>
std::span<const std::uint8_t> BytesOf(std::span<const T> values) {
  return {reinterpret_cast<const std::uint8_t*>(values.data()), values.size_bytes()};
}

template <typename T>
std::span<std::uint8_t> WritableBytesOf(std::span<T> values) {
  return {reinterpret_cast<std::uint8_t*>(values.data()), values.size_bytes()};
}

absl::Status Damaged(const std::filesystem::path& file, std::string_view how) {
  return MakeError(absl::StatusCode::kDataLoss,
                   {"CHECKPOINT_DAMAGED", "", {{"file", file.filename().string()}}},
                   absl::StrCat("checkpoint ", file.filename().string(), " ", std::string(how),
                                "; use another checkpoint"));
}

// Writes and hashes.
class HashedWriter {
 public:
  explicit HashedWriter(FileWriter& file) : file_(file) {}

  absl::Status Write(std::span<const std::uint8_t> bytes) {
    digest_.Update(bytes);
    return file_.Write(bytes);
  }
  std::string HexDigest() { return digest_.HexDigest(); }

 private:
  FileWriter& file_;
  Sha256 digest_;
};

absl::Status WriteContent(HashedWriter& writer, const CheckpointHeader& header,
                          const AnyParameters& parameters) {
  const bool f64 = std::holds_alternative<Parameters<double>>(parameters);
  const auto shapes_of = [](const auto& p) {
    std::vector<LayerShape> shapes;
    for (int i = 0; i < p.layer_count(); ++i) shapes.push_back(p.shape(i));
    return shapes;
  };
  const std::string text =
      HeaderText(header, TensorsOf(std::visit(shapes_of, parameters), f64, header.scaling.kind));
  const std::array<std::uint64_t, 1> length = {text.size()};
  absl::Status status = writer.Write(BytesOf(std::span<const std::uint64_t>(length)));
  if (status.ok()) status = writer.Write(BytesOf(std::span<const char>(text)));
  if (header.scaling.kind == ScalingKind::kStandard) {
    if (status.ok()) status = writer.Write(BytesOf(std::span<const double>(header.scaling.offset)));
    if (status.ok()) status = writer.Write(BytesOf(std::span<const double>(header.scaling.factor)));
  }
  // The parameters in memory are the tensors one after another.
  if (status.ok()) {
    status =
        std::visit([&](const auto& p) { return writer.Write(BytesOf(p.values())); }, parameters);
  }
  return status;
}

// Reads and hashes.
class HashedReader {
 public:
  explicit HashedReader(const std::filesystem::path& file) : stream_(file, std::ios::binary) {}

  bool is_open() const { return stream_.is_open(); }
  bool Read(std::span<std::uint8_t> bytes) {
    while (!bytes.empty()) {
      const std::span<std::uint8_t> piece = bytes.first(std::min(bytes.size(), kPieceBytes));
      stream_.read(reinterpret_cast<char*>(piece.data()),
                   static_cast<std::streamsize>(piece.size()));
      if (!stream_) return false;
      digest_.Update(piece);
      bytes = bytes.subspan(piece.size());
    }
    return true;
  }
  bool AtEnd() { return stream_.peek() == std::ifstream::traits_type::eof(); }
  std::string HexDigest() { return digest_.HexDigest(); }

 private:
  std::ifstream stream_;
  Sha256 digest_;
};

// The JSON, or nothing.
std::optional<std::string> ReadText(HashedReader& reader) {
  std::array<std::uint64_t, 1> length = {0};
  if (!reader.Read(WritableBytesOf(std::span<std::uint64_t>(length))) ||
      length[0] > kMaxHeaderBytes) {
    return std::nullopt;
  }
  std::string text(static_cast<std::size_t>(length[0]), ' ');
  if (!reader.Read(WritableBytesOf(std::span<char>(text)))) return std::nullopt;
  return text;
}

bool ReadScaling(HashedReader& reader, int inputs, Scaling& scaling) {
  if (scaling.kind != ScalingKind::kStandard) return true;
  scaling.offset.resize(static_cast<std::size_t>(inputs));
  scaling.factor.resize(static_cast<std::size_t>(inputs));
  return reader.Read(WritableBytesOf(std::span(scaling.offset))) &&
         reader.Read(WritableBytesOf(std::span(scaling.factor)));
}

template <typename T>
bool ReadParameters(HashedReader& reader, const NetworkSpec& network, AnyParameters& parameters) {
  auto& read = parameters.emplace<Parameters<T>>(network);
  return reader.Read(WritableBytesOf(read.values()));
}

// <epoch>-<sample>-a<attempt>
std::string Stem(const CheckpointHeader& header) {
  return absl::StrCat(header.epoch, "-", header.sample, "-a", header.attempt);
}

std::string FileName(const CheckpointHeader& header, const std::string& digest) {
  return absl::StrCat(Stem(header), "-", digest, std::string(kSuffix));
}

// Writes the content to `temporary`, synced, and returns its digest.
absl::StatusOr<WrittenCheckpoint> WriteTemporary(const std::filesystem::path& temporary,
                                                 const CheckpointHeader& header,
                                                 const AnyParameters& parameters) {
  absl::StatusOr<std::unique_ptr<FileWriter>> file = FileWriter::Create(temporary);
  if (!file.ok()) return file.status();
  HashedWriter writer(**file);
  if (absl::Status s = WriteContent(writer, header, parameters); !s.ok()) return s;
  if (absl::Status s = (*file)->Finish(); !s.ok()) return s;
  return WrittenCheckpoint{FileName(header, writer.HexDigest()), (*file)->size()};
}

absl::Status Publish(const std::filesystem::path& temporary, const std::filesystem::path& file) {
  absl::Status renamed = RenameNew(temporary, file);
  // The name has the content's digest: what is there already is the same.
  if (!absl::IsAlreadyExists(renamed)) return renamed;
  std::error_code ignored;
  std::filesystem::remove(temporary, ignored);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<WrittenCheckpoint> WriteCheckpoint(const std::filesystem::path& folder,
                                                  const CheckpointHeader& header,
                                                  const AnyParameters& parameters) {
  const std::filesystem::path temporary = folder / (Stem(header) + ".tmp");
  absl::StatusOr<WrittenCheckpoint> written = WriteTemporary(temporary, header, parameters);
  absl::Status status = written.status();
  if (status.ok()) status = Publish(temporary, folder / written->file_name);
  if (status.ok()) status = SyncFolder(folder);
  if (status.ok()) return written;
  std::error_code ignored;
  std::filesystem::remove(temporary, ignored);
  return status;
}

absl::StatusOr<Checkpoint> ReadCheckpoint(const std::filesystem::path& file,
                                          const NetworkSpec& network) {
  HashedReader reader(file);
  if (!reader.is_open()) return SystemError(errno, "open checkpoint", file.string());
  const std::optional<std::string> text = ReadText(reader);
  if (!text) return Damaged(file, "has no header");
  std::optional<ParsedHeader> parsed = ParseHeader(*text);
  if (!parsed) return Damaged(file, "has a header that is not a checkpoint's");
  CheckpointHeader& header = parsed->header;
  const std::vector<LayerShape> shapes = ShapesOf(network);
  if (HeaderText(header, TensorsOf(shapes, parsed->f64, header.scaling.kind)) != *text) {
    return Damaged(file, "is not of this network");
  }
  AnyParameters parameters = Parameters<float>(NetworkSpec{});
  const bool complete = ReadScaling(reader, network.inputs, header.scaling) &&
                        (parsed->f64 ? ReadParameters<double>(reader, network, parameters)
                                     : ReadParameters<float>(reader, network, parameters));
  if (!complete || !reader.AtEnd()) return Damaged(file, "has the wrong size");
  if (file.filename().string() != FileName(header, reader.HexDigest())) {
    return Damaged(file, "does not have the content that its name says");
  }
  return Checkpoint{std::move(header), std::move(parameters)};
}

}  // namespace trainyard

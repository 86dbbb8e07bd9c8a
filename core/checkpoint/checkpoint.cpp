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

template <typename T>
HeaderContent ContentOf(const CheckpointHeader& header, const TrainingState<T>& state) {
  HeaderContent content;
  content.header = header;
  content.numbers = {
      state.epochs_completed,     state.samples, state.updates, state.seconds, state.best_epoch,
      state.best_validation_cost, std::nullopt};
  if (state.generator) content.numbers.generator_position = state.generator->position;
  content.f64 = sizeof(T) == sizeof(double);
  return content;
}

// What comes before the weights.
template <typename T>
absl::Status WriteLead(HashedWriter& writer, const CheckpointHeader& header,
                       const TrainingState<T>& state) {
  std::vector<LayerShape> shapes;
  shapes.reserve(static_cast<std::size_t>(state.parameters.layer_count()));
  for (int i = 0; i < state.parameters.layer_count(); ++i) {
    shapes.push_back(state.parameters.shape(i));
  }
  const HeaderContent content = ContentOf(header, state);
  const std::string text = HeaderText(content, TensorsOf(content, shapes));
  const std::array<std::uint64_t, 1> length = {text.size()};
  absl::Status status = writer.Write(BytesOf(std::span<const std::uint64_t>(length)));
  if (status.ok()) status = writer.Write(BytesOf(std::span<const char>(text)));
  if (header.scaling.kind == ScalingKind::kStandard) {
    if (status.ok()) status = writer.Write(BytesOf(std::span<const double>(header.scaling.offset)));
    if (status.ok()) status = writer.Write(BytesOf(std::span<const double>(header.scaling.factor)));
  }
  if (status.ok() && state.generator) {
    status = writer.Write(BytesOf(std::span<const std::uint32_t>(state.generator->words)));
  }
  return status;
}

// Parameters in memory are the tensors one after another.
template <typename T>
absl::Status WriteContent(HashedWriter& writer, const CheckpointHeader& header,
                          const TrainingState<T>& state) {
  absl::Status status = WriteLead(writer, header, state);
  if (status.ok()) status = writer.Write(BytesOf(state.parameters.values()));
  for (const Parameters<T>& slot : state.slots) {
    if (status.ok()) status = writer.Write(BytesOf(slot.values()));
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
absl::StatusOr<AnyState> ReadState(HashedReader& reader, const NetworkSpec& network,
                                   const HeaderContent& content) {
  const StateNumbers& numbers = content.numbers;
  TrainingState<T> state{Parameters<T>(network)};
  state.epochs_completed = numbers.epochs_completed;
  state.samples = numbers.samples;
  state.updates = numbers.updates;
  state.seconds = numbers.seconds;
  state.best_epoch = numbers.best_epoch;
  state.best_validation_cost = numbers.best_validation_cost;
  bool complete = true;
  if (numbers.generator_position) {
    Mt19937::State& generator = state.generator.emplace();
    generator.position = *numbers.generator_position;
    complete = reader.Read(WritableBytesOf(std::span<std::uint32_t>(generator.words)));
  }
  complete = complete && reader.Read(WritableBytesOf(state.parameters.values()));
  state.slots.resize(content.header.slots.size(), Parameters<T>(network));
  for (Parameters<T>& slot : state.slots) {
    complete = complete && reader.Read(WritableBytesOf(slot.values()));
  }
  if (!complete || !reader.AtEnd()) return absl::DataLossError("has the wrong size");
  return AnyState(std::move(state));
}

// <epoch>-<sample>-a<attempt>
std::string Stem(int epoch, std::int64_t sample, int attempt) {
  return absl::StrCat(epoch, "-", sample, "-a", attempt);
}

std::string FileName(const std::string& stem, const std::string& digest) {
  return absl::StrCat(stem, "-", digest, std::string(kSuffix));
}

// Writes the content to `temporary`, synced, and returns its name.
template <typename T>
absl::StatusOr<WrittenCheckpoint> WriteTemporary(const std::filesystem::path& temporary,
                                                 const std::string& stem,
                                                 const CheckpointHeader& header,
                                                 const TrainingState<T>& state) {
  absl::StatusOr<std::unique_ptr<FileWriter>> file = FileWriter::Create(temporary);
  if (!file.ok()) return file.status();
  HashedWriter writer(**file);
  if (absl::Status s = WriteContent(writer, header, state); !s.ok()) return s;
  if (absl::Status s = (*file)->Finish(); !s.ok()) return s;
  return WrittenCheckpoint{FileName(stem, writer.HexDigest()), (*file)->size()};
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

template <typename T>
absl::StatusOr<WrittenCheckpoint> WriteCheckpoint(const std::filesystem::path& folder,
                                                  const CheckpointHeader& header,
                                                  const TrainingState<T>& state) {
  const std::string stem = Stem(state.epochs_completed, state.samples, header.attempt);
  const std::filesystem::path temporary = folder / (stem + ".tmp");
  absl::StatusOr<WrittenCheckpoint> written = WriteTemporary(temporary, stem, header, state);
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
  std::optional<HeaderContent> content = ParseHeader(*text);
  if (!content) return Damaged(file, "has a header that is not a checkpoint's");
  if (HeaderText(*content, TensorsOf(*content, ShapesOf(network))) != *text) {
    return Damaged(file, "is not of this network");
  }
  CheckpointHeader& header = content->header;
  if (!ReadScaling(reader, network.inputs, header.scaling)) {
    return Damaged(file, "has the wrong size");
  }
  absl::StatusOr<AnyState> state = content->f64 ? ReadState<double>(reader, network, *content)
                                                : ReadState<float>(reader, network, *content);
  if (!state.ok()) return Damaged(file, std::string(state.status().message()));
  const StateNumbers& numbers = content->numbers;
  const std::string stem = Stem(numbers.epochs_completed, numbers.samples, header.attempt);
  if (file.filename().string() != FileName(stem, reader.HexDigest())) {
    return Damaged(file, "does not have the content that its name says");
  }
  return Checkpoint{std::move(header), *std::move(state)};
}

template absl::StatusOr<WrittenCheckpoint> WriteCheckpoint(const std::filesystem::path&,
                                                           const CheckpointHeader&,
                                                           const TrainingState<float>&);
template absl::StatusOr<WrittenCheckpoint> WriteCheckpoint(const std::filesystem::path&,
                                                           const CheckpointHeader&,
                                                           const TrainingState<double>&);

}  // namespace trainyard

#include "client/lib/npz.h"

#include <zlib.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace trainyard::client {
namespace {

// Numbers are little-endian in the file.
static_assert(std::endian::native == std::endian::little);

// What an archive says of one of its members.
struct Member {
  std::string name;
  int method = 0;
  std::uint32_t crc = 0;
  std::uint64_t stored_bytes = 0;
  std::uint64_t bytes = 0;
  std::uint64_t at = 0;
};

// Reads numbers at places of a text; false where they are beyond its end.
template <typename T>
bool Read(absl::string_view text, std::uint64_t at, T& value) {
  if (at > text.size() || text.size() - at < sizeof(T)) return false;
  std::memcpy(&value, text.data() + at, sizeof(T));
  return true;
}

template <typename T>
T Number(absl::string_view text, std::uint64_t at) {
  T value = 0;
  Read(text, at, value);
  return value;
}

absl::Status Wrong(const std::string& file, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(file, ": ", what));
}

constexpr std::size_t kEndBytes = 22;
constexpr std::size_t kEntryBytes = 46;
constexpr std::size_t kLocalBytes = 30;

// Where the directory's end record is: behind it there may be a comment.
std::optional<std::size_t> FindEnd(absl::string_view file) {
  const std::size_t at = file.rfind("PK\x05\x06");
  if (at == absl::string_view::npos || file.size() - at < kEndBytes) return std::nullopt;
  return at;
}

// Sizes that do not fit into 32 bits are in an extra field, of those that need it.
void ReadLargeSizes(absl::string_view extra, Member& member) {
  for (std::uint64_t at = 0; at + 4 <= extra.size();
       at += 4 + Number<std::uint16_t>(extra, at + 2)) {
    if (Number<std::uint16_t>(extra, at) != 1) continue;
    std::uint64_t from = at + 4;
    for (std::uint64_t* size : {&member.bytes, &member.stored_bytes, &member.at}) {
      if (*size != 0xffffffff) continue;
      *size = Number<std::uint64_t>(extra, from);
      from += sizeof(*size);
    }
  }
}

std::optional<std::vector<Member>> ReadDirectory(absl::string_view file) {
  const auto end = FindEnd(file);
  if (!end) return std::nullopt;
  std::vector<Member> members;
  std::uint64_t at = Number<std::uint32_t>(file, *end + 16);
  const int count = Number<std::uint16_t>(file, *end + 10);
  for (int i = 0; i < count; ++i) {
    if (at > file.size() || file.substr(at, 4) != "PK\x01\x02") return std::nullopt;
    if (file.size() - at < kEntryBytes) return std::nullopt;
    Member member;
    member.method = Number<std::uint16_t>(file, at + 10);
    member.crc = Number<std::uint32_t>(file, at + 16);
    member.stored_bytes = Number<std::uint32_t>(file, at + 20);
    member.bytes = Number<std::uint32_t>(file, at + 24);
    member.at = Number<std::uint32_t>(file, at + 42);
    const auto name = Number<std::uint16_t>(file, at + 28);
    const auto extra = Number<std::uint16_t>(file, at + 30);
    const auto comment = Number<std::uint16_t>(file, at + 32);
    member.name = std::string(file.substr(at + kEntryBytes, name));
    if (at + kEntryBytes + name <= file.size()) {
      ReadLargeSizes(file.substr(at + kEntryBytes + name, extra), member);
    }
    members.push_back(std::move(member));
    at += kEntryBytes + name + extra + comment;
  }
  return members;
}

// More than deflate can make of a byte is a lie.
constexpr std::uint64_t kMaxRatio = 1100;

std::optional<std::string> Inflate(absl::string_view stored, std::uint64_t size) {
  if (size > (stored.size() + 1) * kMaxRatio) return std::nullopt;
  std::string content(size, '\0');
  z_stream stream{};
  if (::inflateInit2(&stream, -MAX_WBITS) != Z_OK) return std::nullopt;
  // zlib's field is not const, and is not written through.
  stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(stored.data()));
  stream.avail_in = static_cast<uInt>(stored.size());
  stream.next_out = reinterpret_cast<Bytef*>(content.data());
  stream.avail_out = static_cast<uInt>(content.size());
  const int result = ::inflate(&stream, Z_FINISH);
  const bool whole = result == Z_STREAM_END && stream.total_out == size;
  ::inflateEnd(&stream);
  if (!whole) return std::nullopt;
  return content;
}

// The content of a member, checked; nothing where it is damaged.
std::optional<std::string> Extract(absl::string_view file, const Member& member) {
  if (member.at > file.size() || file.size() - member.at < kLocalBytes) return std::nullopt;
  const std::uint64_t at = member.at + kLocalBytes + Number<std::uint16_t>(file, member.at + 26) +
                           Number<std::uint16_t>(file, member.at + 28);
  if (at > file.size() || file.size() - at < member.stored_bytes) return std::nullopt;
  const absl::string_view stored = file.substr(at, member.stored_bytes);
  std::optional<std::string> content;
  if (member.method == 0) content = std::string(stored);
  if (member.method == 8) content = Inflate(stored, member.bytes);
  if (!content || content->size() != member.bytes) return std::nullopt;
  const auto* const bytes = reinterpret_cast<const Bytef*>(content->data());
  if (::crc32_z(0, bytes, content->size()) != member.crc) return std::nullopt;
  return content;
}

// The value of a key of the header's dict, up to its end: "'<f4', 'fortran...".
absl::string_view ValueOf(absl::string_view header, absl::string_view key) {
  const std::size_t at = header.find(absl::StrCat("'", key, "':"));
  if (at == absl::string_view::npos) return "";
  return absl::StripLeadingAsciiWhitespace(header.substr(at + key.size() + 3));
}

std::optional<std::vector<std::int64_t>> ShapeOf(absl::string_view header) {
  absl::string_view value = ValueOf(header, "shape");
  const std::size_t end = value.find(')');
  if (!absl::ConsumePrefix(&value, "(") || end == absl::string_view::npos) return std::nullopt;
  std::vector<std::int64_t> shape;
  for (absl::string_view dim : absl::StrSplit(value.substr(0, end - 1), ',')) {
    dim = absl::StripAsciiWhitespace(dim);
    std::int64_t size = 0;
    if (dim.empty()) continue;
    if (!absl::SimpleAtoi(dim, &size) || size < 0 || size > (std::int64_t{1} << 31)) {
      return std::nullopt;
    }
    shape.push_back(size);
  }
  return shape;
}

template <typename T>
void Fill(absl::string_view data, bool fortran_order, WeightTensor& tensor) {
  const std::size_t count = data.size() / sizeof(T);
  tensor.values.resize(count);
  const auto rows = static_cast<std::size_t>(tensor.shape[0]);
  const std::size_t columns = rows == 0 ? 0 : count / rows;
  for (std::size_t i = 0; i < count; ++i) {
    // In Fortran's order the first index is the fastest.
    const std::size_t to = fortran_order ? i % rows * columns + i / rows : i;
    tensor.values[to] = static_cast<double>(Number<T>(data, i * sizeof(T)));
  }
}

absl::StatusOr<WeightTensor> ParseArray(const std::string& file, const std::string& name,
                                        absl::string_view npy) {
  if (!absl::ConsumePrefix(&npy, "\x93NUMPY") || npy.size() < 6) {
    return Wrong(file, absl::StrCat("array ", name, " is not of NumPy's format"));
  }
  const bool first_version = npy[0] == 1;
  const std::uint64_t length =
      first_version ? Number<std::uint16_t>(npy, 2) : std::uint64_t{Number<std::uint32_t>(npy, 2)};
  const std::uint64_t begin = first_version ? 4 : 6;
  if (npy.size() - begin < length) return Wrong(file, absl::StrCat("array ", name, " is cut off"));
  const absl::string_view header = npy.substr(begin, length);
  const absl::string_view data = npy.substr(begin + length);
  const bool wide = absl::StartsWith(ValueOf(header, "descr"), "'<f8'");
  if (!wide && !absl::StartsWith(ValueOf(header, "descr"), "'<f4'")) {
    return Wrong(file, absl::StrCat("array ", name, " is neither float32 nor float64"));
  }
  const auto shape = ShapeOf(header);
  if (!shape || shape->empty() || shape->size() > 2) {
    return Wrong(file, absl::StrCat("array ", name, " is neither a matrix nor a vector"));
  }
  WeightTensor tensor{*shape, {}};
  std::uint64_t count = 1;
  for (const std::int64_t dim : *shape) count *= static_cast<std::uint64_t>(dim);
  if (data.size() != count * (wide ? 8 : 4)) {
    return Wrong(file, absl::StrCat("array ", name, " does not have the size of its shape"));
  }
  const bool fortran_order = absl::StartsWith(ValueOf(header, "fortran_order"), "True");
  if (wide) {
    Fill<double>(data, fortran_order, tensor);
  } else {
    Fill<float>(data, fortran_order, tensor);
  }
  return tensor;
}

}  // namespace

absl::StatusOr<WeightTensors> ReadNpz(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream) return absl::NotFoundError(absl::StrCat(path.string(), ": cannot be read"));
  const std::string content{std::istreambuf_iterator<char>(stream), {}};
  const auto members = ReadDirectory(content);
  if (!members) return Wrong(path.string(), "not a NumPy archive");
  WeightTensors tensors;
  for (const Member& member : *members) {
    const std::string name(absl::StripSuffix(member.name, ".npy"));
    if (!IsWeightName(name)) continue;
    const auto npy = Extract(content, member);
    if (!npy) return Wrong(path.string(), absl::StrCat("array ", name, " is damaged"));
    auto tensor = ParseArray(path.string(), name, *npy);
    if (!tensor.ok()) return tensor.status();
    tensors[name] = *std::move(tensor);
  }
  return tensors;
}

}  // namespace trainyard::client

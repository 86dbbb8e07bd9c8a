#include "core/data/npy.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "core/base/error.h"
#include "core/data/input_error.h"

namespace trainyard {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr std::int64_t kMaxHeaderBytes = 65536;
constexpr std::size_t kMaxDimensions = 32;

absl::Status HeaderInvalid(std::string_view what) {
  return InputError("NPY_HEADER_INVALID", {},
                    "the header of the .npy file is malformed: " + std::string(what));
}

// A cursor over the dict literal. Each Take function skips spaces, and moves on
// only where it succeeds.
class LiteralParser {
 public:
  explicit LiteralParser(std::string_view text) : text_(text) {}

  bool TakeChar(char c) {
    SkipSpaces();
    if (text_.empty() || text_.front() != c) return false;
    text_.remove_prefix(1);
    return true;
  }

  bool TakeWord(std::string_view word) {
    SkipSpaces();
    if (!text_.starts_with(word)) return false;
    text_.remove_prefix(word.size());
    return true;
  }

  bool TakeString(std::string& out) {
    SkipSpaces();
    if (text_.empty() || (text_.front() != '\'' && text_.front() != '"')) return false;
    const std::size_t end = text_.find(text_.front(), 1);
    if (end == std::string_view::npos) return false;
    out = text_.substr(1, end - 1);
    text_.remove_prefix(end + 1);
    return out.find('\\') == std::string::npos;
  }

  bool TakeInteger(std::int64_t& out) {
    SkipSpaces();
    const auto [end, error] = std::from_chars(text_.data(), text_.data() + text_.size(), out);
    if (error != std::errc() || out < 0) return false;
    text_.remove_prefix(static_cast<std::size_t>(end - text_.data()));
    return true;
  }

  // A tuple of integers: (), (3,), (3, 4) or (3, 4,).
  bool TakeShape(std::vector<std::int64_t>& out) {
    if (!TakeChar('(')) return false;
    bool comma = true;
    while (!TakeChar(')')) {
      std::int64_t size = 0;
      if (!comma || out.size() == kMaxDimensions || !TakeInteger(size)) return false;
      out.push_back(size);
      comma = TakeChar(',');
    }
    // "(3)" is a number in Python, not a tuple.
    return out.size() != 1 || comma;
  }

  bool AtEnd() {
    SkipSpaces();
    return text_.empty();
  }

 private:
  void SkipSpaces() {
    while (!text_.empty() && (text_.front() == ' ' || text_.front() == '\n')) {
      text_.remove_prefix(1);
    }
  }

  std::string_view text_;
};

// descr: a byte order, a kind and a number of bytes.
absl::Status ParseDescr(const std::string& descr, NpyHeader& header) {
  std::string_view rest = descr;
  header.byte_order = '|';
  if (!rest.empty() && std::string_view("<>|=").find(rest.front()) != std::string_view::npos) {
    header.byte_order = rest.front();
    rest.remove_prefix(1);
  }
  if (rest.size() < 2) return HeaderInvalid("descr is " + Quoted(descr));
  header.kind = rest.front();
  rest.remove_prefix(1);
  const auto [end, error] =
      std::from_chars(rest.data(), rest.data() + rest.size(), header.item_bytes);
  if (error != std::errc() || end != rest.data() + rest.size() || header.item_bytes < 1) {
    return HeaderInvalid("descr is " + Quoted(descr));
  }
  if (header.byte_order == '=' || (header.byte_order == '|' && header.item_bytes > 1)) {
    return HeaderInvalid("descr " + Quoted(descr) + " has no byte order");
  }
  return absl::OkStatus();
}

// The value of one key; `seen` counts each of the three.
absl::Status ParseEntry(LiteralParser& parser, NpyHeader& header, std::array<int, 3>& seen) {
  std::string key;
  if (!parser.TakeString(key) || !parser.TakeChar(':')) return HeaderInvalid("no key");
  if (key == "descr") {
    ++seen[0];
    std::string descr;
    if (parser.TakeString(descr)) return ParseDescr(descr, header);
    if (!parser.TakeChar('[')) return HeaderInvalid("descr is no string");
    return InputError("NPY_TYPE_UNSUPPORTED", {},
                      "the .npy file holds records of several fields; save one plain array of "
                      "numbers");
  }
  if (key == "fortran_order") {
    ++seen[1];
    header.fortran_order = parser.TakeWord("True");
    if (header.fortran_order || parser.TakeWord("False")) return absl::OkStatus();
    return HeaderInvalid("fortran_order is neither True nor False");
  }
  if (key == "shape") {
    ++seen[2];
    header.shape.clear();
    if (parser.TakeShape(header.shape)) return absl::OkStatus();
    return HeaderInvalid("shape is no tuple of sizes");
  }
  return HeaderInvalid("unknown key " + Quoted(key));
}

absl::StatusOr<NpyHeader> ParseDict(std::string_view text) {
  LiteralParser parser(text);
  NpyHeader header;
  std::array<int, 3> seen{};
  if (!parser.TakeChar('{')) return HeaderInvalid("no dict");
  bool comma = true;
  while (!parser.TakeChar('}')) {
    if (!comma) return HeaderInvalid("no comma between two keys");
    if (absl::Status status = ParseEntry(parser, header, seen); !status.ok()) return status;
    comma = parser.TakeChar(',');
  }
  if (!parser.AtEnd()) return HeaderInvalid("text after the dict");
  if (seen != std::array<int, 3>{1, 1, 1}) {
    return HeaderInvalid("descr, fortran_order and shape must each be there once");
  }
  return header;
}

}  // namespace

std::string NpyHeader::descr() const {
  std::string text{byte_order, kind};
  return text + std::to_string(item_bytes);
}

absl::StatusOr<std::int64_t> NpyHeaderSize(std::span<const std::uint8_t> prefix) {
  const std::size_t compared = std::min(prefix.size(), kMagic.size());
  if (compared == 0 ||
      !std::equal(prefix.begin(), prefix.begin() + compared, kMagic.begin(),
                  [](std::uint8_t a, char b) { return a == static_cast<std::uint8_t>(b); })) {
    return InputError("NPY_WRONG_MAGIC", {},
                      "the file is no .npy file: it does not begin with \\x93NUMPY");
  }
  if (prefix.size() < kNpyPrefixBytes) {
    return InputError("NPY_TRUNCATED", {}, "the .npy file ends within its header");
  }
  const int major = prefix[6];
  if (major != 1 && major != 2) {
    return InputError("NPY_VERSION_UNSUPPORTED", {.value = std::to_string(major)},
                      "versions 1 and 2 of the .npy format are read; save with numpy.save");
  }
  std::int64_t size = prefix[8] | (prefix[9] << 8);
  if (major == 2) {
    size |= (std::int64_t{prefix[10]} << 16) | (std::int64_t{prefix[11]} << 24);
  }
  size += major == 1 ? 10 : 12;
  if (size < static_cast<std::int64_t>(kNpyPrefixBytes) || size > kMaxHeaderBytes) {
    return HeaderInvalid("its length is " + std::to_string(size));
  }
  return size;
}

absl::StatusOr<NpyHeader> ParseNpyHeader(std::span<const std::uint8_t> bytes) {
  const auto size = NpyHeaderSize(bytes.first(std::min(bytes.size(), kNpyPrefixBytes)));
  if (!size.ok()) return size.status();
  if (static_cast<std::int64_t>(bytes.size()) < *size) {
    return InputError("NPY_TRUNCATED", {}, "the .npy file ends within its header");
  }
  const std::size_t begin = bytes[6] == 1 ? 10 : 12;
  const std::string text(bytes.begin() + static_cast<std::ptrdiff_t>(begin),
                         bytes.begin() + static_cast<std::ptrdiff_t>(*size));
  auto header = ParseDict(text);
  if (header.ok()) header->data_offset = *size;
  return header;
}

std::string MakeNpyHeader(std::string_view descr, std::span<const std::int64_t> shape) {
  std::string header(kMagic);
  constexpr std::int64_t kBodyBytes = kNpyHeaderBytes - 10;
  header += std::string{1, 0, static_cast<char>(kBodyBytes), 0};
  header += "{'descr': '";
  header += descr;
  header += "', 'fortran_order': False, 'shape': (";
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (i > 0) header += ", ";
    header += std::to_string(shape[i]);
  }
  header += shape.size() == 1 ? ",), }" : "), }";
  header.resize(static_cast<std::size_t>(kNpyHeaderBytes) - 1, ' ');
  header += '\n';
  return header;
}

}  // namespace trainyard

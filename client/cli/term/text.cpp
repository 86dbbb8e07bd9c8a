#include "client/cli/term/text.h"

#include <array>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace trainyard::client {
namespace {

constexpr absl::string_view kReset = "\x1b[0m";

// Bytes of the colour sequence at the start of `text`, or 0.
std::size_t SequenceLength(absl::string_view text) {
  if (!absl::StartsWith(text, "\x1b[")) return 0;
  const std::size_t end = text.find('m');
  return end == absl::string_view::npos ? text.size() : end + 1;
}

bool IsContinuation(char byte) { return (static_cast<unsigned char>(byte) & 0xc0) == 0x80; }

std::size_t CharacterLength(absl::string_view text) {
  std::size_t length = 1;
  while (length < text.size() && IsContinuation(text[length])) ++length;
  return length;
}

}  // namespace

int DisplayWidth(absl::string_view text) {
  int width = 0;
  while (!text.empty()) {
    const std::size_t sequence = SequenceLength(text);
    if (sequence == 0) ++width;
    text.remove_prefix(sequence == 0 ? CharacterLength(text) : sequence);
  }
  return width;
}

std::string Clip(absl::string_view text, int width) {
  if (DisplayWidth(text) <= width) return std::string(text);
  std::string clipped;
  bool colored = false;
  while (!text.empty()) {
    std::size_t length = SequenceLength(text);
    colored = colored || length > 0;
    if (length == 0) {
      if (width-- <= 0) break;
      length = CharacterLength(text);
    }
    absl::StrAppend(&clipped, text.substr(0, length));
    text.remove_prefix(length);
  }
  if (colored) absl::StrAppend(&clipped, kReset);
  return clipped;
}

std::string Pad(absl::string_view text, int width, Align align) {
  const int missing = width - DisplayWidth(text);
  if (missing <= 0) return std::string(text);
  const std::string fill(static_cast<std::size_t>(missing), ' ');
  return align == Align::kLeft ? absl::StrCat(text, fill) : absl::StrCat(fill, text);
}

std::string Repeat(absl::string_view text, int count) {
  std::string repeated;
  for (int i = 0; i < count; ++i) absl::StrAppend(&repeated, text);
  return repeated;
}

std::string Painted(const Look& look, Paint paint, absl::string_view text) {
  if (!look.colored() || text.empty()) return std::string(text);
  // In the order of Paint.
  static constexpr std::array<absl::string_view, 6> kCodes = {"1", "2", "32", "31", "36", "33"};
  return absl::StrCat("\x1b[", kCodes[static_cast<std::size_t>(paint)], "m", text, kReset);
}

}  // namespace trainyard::client

#include "core/data/input_error.h"

#include <utility>

#include "core/base/error.h"

namespace trainyard {
namespace {

constexpr std::size_t kMostShown = 64;

// Length of the well-formed UTF-8 sequence at the front, 0 where there is none
// (Unicode, table 3-7).
std::size_t Utf8Length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  const std::size_t length = lead < 0xC2   ? 0
                             : lead < 0xE0 ? 2
                             : lead < 0xF0 ? 3
                             : lead < 0xF5 ? 4
                                           : 0;
  if (length == 0 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  if ((lead == 0xE0 && byte(1) < 0xA0) || (lead == 0xED && byte(1) > 0x9F) ||
      (lead == 0xF0 && byte(1) < 0x90) || (lead == 0xF4 && byte(1) > 0x8F)) {
    return 0;
  }
  return length;
}

std::string InWords(const Place& place) {
  std::string text;
  const auto add = [&](const std::string& part) { text += (text.empty() ? "" : ", ") + part; };
  if (!place.file.empty()) add(place.file + " file");
  if (place.line > 0) add("line " + std::to_string(place.line));
  if (place.row >= 0 && place.line == 0) add("row " + std::to_string(place.row));
  if (place.column > 0) add("column " + std::to_string(place.column));
  if (!place.column_name.empty()) text += " (" + Printable(place.column_name) + ")";
  return text;
}

ErrorDetails DetailsOf(std::string_view reason, const Place& place) {
  ErrorDetails details{.reason = std::string(reason), .field = "", .metadata = {}};
  auto& metadata = details.metadata;
  if (!place.file.empty()) metadata["file"] = place.file;
  if (place.line > 0) metadata["line"] = std::to_string(place.line);
  if (place.row >= 0) metadata["row"] = std::to_string(place.row);
  if (place.column > 0) metadata["column"] = std::to_string(place.column);
  if (!place.column_name.empty()) metadata["columnName"] = Printable(place.column_name);
  if (place.value) metadata["value"] = Printable(*place.value);
  return details;
}

std::string Message(const Place& place, std::string_view what) {
  std::string text = InWords(place);
  if (place.value) text += (text.empty() ? "" : ", ") + ("value " + Quoted(*place.value));
  if (!text.empty()) text += ": ";
  return text.append(what);
}

}  // namespace

std::string Printable(std::string_view text) {
  std::string out;
  while (!text.empty() && out.size() < kMostShown) {
    const std::size_t length = Utf8Length(text);
    const auto lead = static_cast<unsigned char>(text.front());
    if (length == 0 || lead < 0x20 || lead == 0x7F) {
      constexpr std::string_view kHex = "0123456789abcdef";
      out += "\\x";
      out += kHex[lead >> 4];
      out += kHex[lead & 15];
      text.remove_prefix(1);
    } else {
      out.append(text.substr(0, length));
      text.remove_prefix(length);
    }
  }
  if (!text.empty()) out += "...";
  return out;
}

std::string Quoted(std::string_view text) { return '"' + Printable(text) + '"'; }

absl::Status InputError(std::string_view reason, const Place& place, std::string_view what) {
  return MakeError(absl::StatusCode::kInvalidArgument, DetailsOf(reason, place),
                   Message(place, what));
}

absl::Status MismatchError(std::string_view reason, const Place& place, std::int64_t expected,
                           std::int64_t found, std::string_view what) {
  ErrorDetails details = DetailsOf(reason, place);
  details.metadata["expected"] = std::to_string(expected);
  details.metadata["found"] = std::to_string(found);
  return MakeError(absl::StatusCode::kInvalidArgument, std::move(details), Message(place, what));
}

absl::Status LimitError(std::string_view reason, const Place& place, std::int64_t limit,
                        std::string_view what) {
  ErrorDetails details = DetailsOf(reason, place);
  details.metadata["limit"] = std::to_string(limit);
  return MakeError(absl::StatusCode::kResourceExhausted, std::move(details), Message(place, what));
}

absl::Status WithFile(const absl::Status& status, const std::string& file) {
  ErrorDetails details = GetErrorDetails(status);
  details.metadata["file"] = file;
  return MakeError(status.code(), std::move(details),
                   file + " file: " + std::string(status.message()));
}

}  // namespace trainyard

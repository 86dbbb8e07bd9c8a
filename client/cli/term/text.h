// Text that has a width on a terminal: UTF-8 with SGR colour sequences.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "client/cli/term/terminal.h"

namespace trainyard::client {

// Columns that the text takes: colour sequences take none, any character one.
int DisplayWidth(absl::string_view text);

// The part that fits in `width` columns; colours are reset where it is cut.
std::string Clip(absl::string_view text, int width);

enum class Align { kLeft, kRight };
// Filled with spaces to `width` columns.
std::string Pad(absl::string_view text, int width, Align align = Align::kLeft);

// `count` copies.
std::string Repeat(absl::string_view text, int count);

// Colours by meaning; the text itself where there is no colour.
enum class Paint { kBold, kDim, kGood, kBad, kAccent, kWarning };
std::string Painted(const Look& look, Paint paint, absl::string_view text);

}  // namespace trainyard::client

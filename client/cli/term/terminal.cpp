#include "client/cli/term/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/string_view.h"

namespace trainyard::client {
namespace {

absl::string_view Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? absl::string_view() : absl::string_view(value);
}

bool Interactive(int descriptor) {
  return isatty(descriptor) == 1 && Environment("TERM") != "dumb";
}

ColorDepth DetectColor() {
  if (!Environment("NO_COLOR").empty()) return ColorDepth::kNone;
  const absl::string_view depth = Environment("COLORTERM");
  return depth == "truecolor" || depth == "24bit" ? ColorDepth::kTrue : ColorDepth::k256;
}

// Terminals show UTF-8 unless the locale names something else.
bool DetectUnicode() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const absl::string_view value = Environment(name);
    if (value.empty()) continue;
    const std::string lower = absl::AsciiStrToLower(value);
    return absl::StrContains(lower, "utf-8") || absl::StrContains(lower, "utf8");
  }
  return Environment("TERM") != "linux";
}

Look Measure(int descriptor, bool interactive) {
  Look look;
  if (!interactive) return look;
  winsize size{};
  if (ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
    look.breaks_lines = true;
    look.width = size.ws_col;
    look.height = size.ws_row;
  }
  look.color = DetectColor();
  look.unicode = DetectUnicode();
  return look;
}

}  // namespace

Terminal Terminal::Standard() {
  Terminal terminal(std::cout, std::cerr);
  terminal.out_interactive_ = Interactive(STDOUT_FILENO);
  terminal.err_interactive_ = Interactive(STDERR_FILENO);
  return terminal;
}

Look Terminal::look() const { return Measure(STDOUT_FILENO, out_interactive_); }

Look Terminal::err_look() const { return Measure(STDERR_FILENO, err_interactive_); }

}  // namespace trainyard::client

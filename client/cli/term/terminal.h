// Where the command line writes, and what may be written there.
#pragma once

#include <ostream>

namespace trainyard::client {

enum class ColorDepth { kNone, k256, kTrue };

// What a stream can show. The default is what a file or a pipe gets.
struct Look {
  int width = 80;
  int height = 24;
  ColorDepth color = ColorDepth::kNone;
  bool unicode = false;
  // Whether longer lines are broken: a file and a pipe get them whole.
  bool breaks_lines = false;

  bool colored() const { return color != ColorDepth::kNone; }
};

// Standard output and error, or a test's streams. NO_COLOR and TERM=dumb are
// obeyed.
class Terminal {
 public:
  // Streams that are no terminal.
  Terminal(std::ostream& out, std::ostream& err) : out_(out), err_(err) {}
  // The process's own.
  static Terminal Standard();

  std::ostream& out() { return out_; }
  std::ostream& err() { return err_; }
  // Of `out`, measured anew, since a window may be resized.
  Look look() const;
  Look err_look() const;
  // Whether the cursor can be moved: on a terminal that is not dumb.
  bool out_interactive() const { return out_interactive_; }
  bool err_interactive() const { return err_interactive_; }

 private:
  std::ostream& out_;
  std::ostream& err_;
  bool out_interactive_ = false;
  bool err_interactive_ = false;
};

}  // namespace trainyard::client

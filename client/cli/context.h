// What every command works with.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "client/cli/term/terminal.h"
#include "client/lib/connection.h"

namespace trainyard::client {

// The documented exit codes.
enum ExitCode : int {
  kDone = 0,
  kFailed = 1,
  kBadUsage = 2,
  kNotAllowed = 3,
  kUnreachable = 4,
  // A shell's own for Ctrl-C, so that a chain of commands stops.
  kInterrupted = 130,
};

// The global options and the terminal. Owned by RunCommandLine and outlives
// the command that it runs; one thread.
struct Context {
  explicit Context(Terminal& the_terminal) : terminal(the_terminal) {}

  Terminal& terminal;
  // As given; empty is the server that was joined last, or this machine's.
  std::string server = "";
  bool json = false;
  // Set by the callback of the subcommand that was named.
  std::function<int(Context&)> run;

  std::ostream& out() { return terminal.out(); }
  std::ostream& err() { return terminal.err(); }
  Look look() const { return terminal.look(); }
  // Made by the first use, of `endpoint`.
  Connection& connection() {
    if (!connection_) connection_ = std::make_unique<Connection>(endpoint);
    return *connection_;
  }
  // Found before the command runs, unless it asks not to.
  Endpoint endpoint;
  // Set by commands that need no server, or find it themselves.
  bool finds_server = false;

 private:
  std::unique_ptr<Connection> connection_;
};

}  // namespace trainyard::client

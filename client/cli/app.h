// The one definition of the command line.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "client/cli/context.h"

namespace trainyard::client {

// Every command and option. A parse that succeeds sets context.run; the
// context must outlive the app.
std::unique_ptr<CLI::App> MakeApp(Context& context);

// Parses and runs; `arguments` are without the program's name. Returns the exit
// code.
int RunCommandLine(std::vector<std::string> arguments, Terminal& terminal);

}  // namespace trainyard::client

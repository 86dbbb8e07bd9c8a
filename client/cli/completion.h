// Completion scripts, made from the definition of the commands.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace trainyard::client {

// Subcommands, options, the words of enumerated values, and files.
std::string BashCompletion(const CLI::App& app);
std::string ZshCompletion(const CLI::App& app);

}  // namespace trainyard::client

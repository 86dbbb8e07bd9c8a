// What is wrong with a command line that does not parse, and what to type.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace trainyard::client {

struct UsageError {
  // One line: 'shw' is no command of trainyard job; did you mean show?
  std::string message;
  // The command to try: trainyard job --help.
  std::string hint;
};

// `error` is what parsing `arguments` ended with.
UsageError Explain(const CLI::App& app, const std::vector<std::string>& arguments,
                   const CLI::ParseError& error);

}  // namespace trainyard::client

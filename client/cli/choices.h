// Checks of enumerated values whose words can be read back from the option:
// help and completion show them without a second list.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace trainyard::client {

// One of the words.
CLI::Validator Choices(std::vector<std::string> words);
// A comma-separated list of the words.
CLI::Validator ListOf(std::vector<std::string> words);

// The words of an option that has such a check; else empty.
std::vector<std::string> ChoicesOf(const CLI::Option& option);

}  // namespace trainyard::client

// How a subcommand is put together: options, setup, run.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <utility>

#include "client/cli/context.h"

namespace trainyard::client {

// Adds a subcommand whose values are parsed into an Options of its own, which
// the returned reference names; `run` gets them when the subcommand is chosen.
template <class Options>
std::pair<CLI::App&, Options&> AddCommand(CLI::App& group, Context& context,
                                          const std::string& name, const std::string& help,
                                          int (*run)(Context&, const Options&)) {
  CLI::App& command = *group.add_subcommand(name, help);
  auto options = std::make_shared<Options>();
  command.callback([&context, options, run] {
    context.run = [options, run](Context& chosen) { return run(chosen, *options); };
  });
  return {command, *options};
}

// For commands whose one argument is a name.
struct NameOptions {
  std::string name;
};

inline void AddNamedCommand(CLI::App& group, Context& context, const std::string& name,
                            const std::string& help, int (*run)(Context&, const NameOptions&)) {
  auto [command, options] = AddCommand<NameOptions>(group, context, name, help, run);
  command.add_option("NAME", options.name, "Id, or full resource name")->required();
}

// For commands that list what one has, or all that one may see.
struct ListOptions {
  bool everyone = false;

  std::string parent() const { return everyone ? "users/-" : "users/me"; }
};

inline void AddEveryone(CLI::App& command, ListOptions& options) {
  command.add_flag("--everyone", options.everyone,
                   "Also what others have, as far as you may see it, by full names");
}

}  // namespace trainyard::client

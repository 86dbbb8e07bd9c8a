// trainyard completion bash|zsh

#include "client/cli/choices.h"
#include "client/cli/commands/command.h"
#include "client/cli/commands/commands.h"
#include "client/cli/completion.h"

namespace trainyard::client {
namespace {

struct Options {
  std::string shell;
  const CLI::App* app = nullptr;
};

int Run(Context& context, const Options& options) {
  context.out() << (options.shell == "zsh" ? ZshCompletion(*options.app)
                                           : BashCompletion(*options.app));
  return kDone;
}

}  // namespace

void AddCompletion(CLI::App& app, Context& context) {
  auto [command, options] =
      AddCommand<Options>(app, context, "completion", "Print a completion script for a shell", Run);
  options.app = &app;
  command.add_option("SHELL", options.shell, "Shell")->required()->check(Choices({"bash", "zsh"}));
  command.footer(
      "bash: source <(trainyard completion bash)\n"
      "zsh:  trainyard completion zsh > \"${fpath[1]}/_trainyard\"");
}

}  // namespace trainyard::client

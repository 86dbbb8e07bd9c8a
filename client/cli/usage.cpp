#include "client/cli/usage.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"

namespace trainyard::client {
namespace {

// How far the words of a command line lead.
struct Reached {
  const CLI::App* app;
  // As it is typed: trainyard job.
  std::string path;
  // The next word, where it is no command; empty where there is none.
  std::string unknown;
};

std::vector<const CLI::App*> CommandsOf(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

// Whether a word is an option whose value is the next word.
bool TakesNext(const CLI::App& app, const std::string& word) {
  const CLI::Option* const option = app.get_option_no_throw(word);
  return option != nullptr && option->get_items_expected_max() > 0;
}

Reached Follow(const CLI::App& app, const std::vector<std::string>& arguments) {
  Reached reached{&app, app.get_name(), ""};
  for (auto word = arguments.begin(); word != arguments.end(); ++word) {
    const auto commands = CommandsOf(*reached.app);
    if (commands.empty()) break;
    if (absl::StartsWith(*word, "-")) {
      if (TakesNext(app, *word) && word + 1 != arguments.end()) ++word;
      continue;
    }
    const auto next = std::ranges::find_if(
        commands, [&](const CLI::App* command) { return command->get_name() == *word; });
    if (next == commands.end()) {
      reached.unknown = *word;
      break;
    }
    reached.app = *next;
    absl::StrAppend(&reached.path, " ", *word);
  }
  return reached;
}

// Letters to insert, remove or replace (Levenshtein, 1966).
std::size_t Distance(absl::string_view a, absl::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0);
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t corner = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = corner + (a[i] == b[j] ? 0 : 1);
      corner = row[j + 1];
      row[j + 1] = std::min({replaced, corner + 1, row[j] + 1});
    }
  }
  return row.back();
}

std::string DidYouMean(absl::string_view word, const std::vector<std::string>& known) {
  const auto nearest = std::ranges::min_element(
      known, {}, [&](const std::string& one) { return Distance(word, one); });
  if (nearest == known.end() || Distance(word, *nearest) > (word.size() + 1) / 2) return "";
  return absl::StrCat("; did you mean ", *nearest, "?");
}

std::vector<std::string> NamesOf(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : CommandsOf(app)) names.push_back(command->get_name());
  return names;
}

std::vector<std::string> OptionsOf(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

// The first word that looks like an option and is none.
std::string UnknownOption(const CLI::App& root, const CLI::App& app,
                          const std::vector<std::string>& arguments) {
  for (const std::string& argument : arguments) {
    const std::string name = argument.substr(0, argument.find('='));
    if (!absl::StartsWith(name, "--") || name == "--") continue;
    if (app.get_option_no_throw(name) == nullptr && root.get_option_no_throw(name) == nullptr) {
      return name;
    }
  }
  return "";
}

std::string Message(const CLI::App& root, const Reached& reached,
                    const std::vector<std::string>& arguments, const CLI::ParseError& error) {
  if (const auto commands = NamesOf(*reached.app); !commands.empty()) {
    const std::string those = absl::StrJoin(commands, ", ");
    if (reached.unknown.empty()) {
      return absl::StrCat(reached.path, " needs one of the commands ", those);
    }
    const std::string guess = DidYouMean(reached.unknown, commands);
    return absl::StrCat("'", reached.unknown, "' is no command of ", reached.path,
                        guess.empty() ? absl::StrCat("; there are ", those) : guess);
  }
  const std::string option = UnknownOption(root, *reached.app, arguments);
  if (option.empty()) return error.what();
  return absl::StrCat(reached.path, " has no option ", option,
                      DidYouMean(option, OptionsOf(*reached.app)));
}

}  // namespace

UsageError Explain(const CLI::App& app, const std::vector<std::string>& arguments,
                   const CLI::ParseError& error) {
  const Reached reached = Follow(app, arguments);
  return {Message(app, reached, arguments, error), absl::StrCat(reached.path, " --help")};
}

}  // namespace trainyard::client

#include "client/cli/completion.h"

#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "client/cli/choices.h"

namespace trainyard::client {
namespace {

// One command that words lead to: "dataset create", or "" for the program.
struct Command {
  std::string path;
  const CLI::App* app;
};

void Walk(const CLI::App& app, const std::string& path, std::vector<Command>& commands) {
  commands.push_back({path, &app});
  for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; })) {
    Walk(*sub, absl::StrCat(path, path.empty() ? "" : " ", sub->get_name()), commands);
  }
}

std::vector<Command> AllCommands(const CLI::App& app) {
  std::vector<Command> commands;
  Walk(app, "", commands);
  return commands;
}

bool IsFlag(const CLI::Option& option) { return option.get_items_expected_max() == 0; }
bool IsPath(const CLI::Option& option) {
  return absl::StrContains(option.get_type_name(), "FILE") ||
         absl::StrContains(option.get_type_name(), "DIR");
}

std::vector<std::string> LongNames(const CLI::Option& option) {
  std::vector<std::string> names;
  for (const std::string& name : option.get_lnames()) names.push_back("--" + name);
  return names;
}

// Options of a command and, since they are accepted anywhere, the global ones.
std::vector<const CLI::Option*> OptionsOf(const CLI::App& root, const CLI::App& app) {
  std::vector<const CLI::Option*> options = app.get_options();
  if (&app == &root) return options;
  for (const CLI::Option* option : root.get_options()) {
    const bool own = option == root.get_help_ptr() || option->check_lname("version");
    if (!own) options.push_back(option);
  }
  return options;
}

// Words that may come next where no option's value is awaited.
std::string NextWords(const CLI::App& root, const CLI::App& app) {
  std::vector<std::string> words;
  for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; })) {
    words.push_back(sub->get_name());
  }
  for (const CLI::Option* option : OptionsOf(root, app)) {
    for (std::string& name : LongNames(*option)) words.push_back(std::move(name));
    if (option->get_positional()) {
      for (std::string& choice : ChoicesOf(*option)) words.push_back(std::move(choice));
    }
  }
  return absl::StrJoin(words, " ");
}

// "  'dataset create:--format') ..." for every option that takes a value.
std::string ValueCases(const CLI::App& root, const Command& command) {
  std::string text;
  for (const CLI::Option* option : OptionsOf(root, *command.app)) {
    if (IsFlag(*option)) continue;
    const std::vector<std::string> names = LongNames(*option);
    if (names.empty()) continue;
    std::vector<std::string> patterns;
    for (const std::string& name : names) {
      patterns.push_back(absl::StrCat("'", command.path, ":", name, "'"));
    }
    const std::vector<std::string> choices = ChoicesOf(*option);
    const std::string action = !choices.empty()
                                   ? absl::StrCat("words='", absl::StrJoin(choices, " "), "'")
                               : IsPath(*option) ? "files=1"
                                                 : ":";
    absl::StrAppend(&text, "    ", absl::StrJoin(patterns, "|"), ") ", action, "; return ;;\n");
  }
  return text;
}

// Sets `words` and `files` for the command line in `line`, up to the word that
// is being completed: the same in both shells.
std::string ChooseFunction(const CLI::App& app) {
  const std::vector<Command> commands = AllCommands(app);
  std::vector<std::string> paths;
  std::string values;
  std::string nexts;
  for (const Command& command : commands) {
    if (!command.path.empty()) paths.push_back(absl::StrCat("'", command.path, "'"));
    absl::StrAppend(&values, ValueCases(app, command));
    absl::StrAppend(&nexts, "    '", command.path, "') words='", NextWords(app, *command.app),
                    "' ;;\n");
  }
  return absl::StrReplaceAll(
      R"(# $@: the words of the line before the one that is completed.
_trainyard_choose() {
  local path= previous= word candidate
  words= files=
  for word in "$@"; do
    previous=$word
    candidate="${path:+$path }$word"
    case "$candidate" in
      @PATHS@) path=$candidate ;;
    esac
  done
  case "$path:$previous" in
@VALUES@  esac
  case "$path" in
@NEXTS@  esac
}
)",
      {{"@PATHS@", absl::StrJoin(paths, "|")}, {"@VALUES@", values}, {"@NEXTS@", nexts}});
}

}  // namespace

std::string BashCompletion(const CLI::App& app) {
  return absl::StrCat("# bash completion of trainyard\n", ChooseFunction(app), R"(
_trainyard() {
  local words files current=${COMP_WORDS[COMP_CWORD]}
  _trainyard_choose "${COMP_WORDS[@]:1:COMP_CWORD-1}"
  if [[ -n $files ]]; then
    COMPREPLY=($(compgen -f -- "$current"))
    compopt -o filenames 2>/dev/null
  else
    COMPREPLY=($(compgen -W "$words" -- "$current"))
  fi
}
complete -F _trainyard trainyard
)");
}

std::string ZshCompletion(const CLI::App& app) {
  return absl::StrCat("#compdef trainyard\n", ChooseFunction(app), R"(
_trainyard() {
  local line=("${(@)words[2,CURRENT-1]}") choice files
  () {
    local words
    _trainyard_choose "${line[@]}"
    choice=$words
  }
  if [[ -n $files ]]; then
    _files
  else
    compadd -- ${=choice}
  fi
}
if [ "$funcstack[1]" = "_trainyard" ]; then
  _trainyard "$@"
else
  compdef _trainyard trainyard
fi
)");
}

}  // namespace trainyard::client

#include "client/cli/choices.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace trainyard::client {
namespace {

std::string Complaint(const std::string& value, const std::vector<std::string>& words) {
  return absl::StrCat("'", value, "' is not one of ", absl::StrJoin(words, ", "));
}

bool Contains(const std::vector<std::string>& words, const std::string& word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// What CLI11 shows as the option's type, and ChoicesOf takes apart.
std::string Describe(const std::vector<std::string>& words) {
  return absl::StrCat("{", absl::StrJoin(words, ","), "}");
}

}  // namespace

CLI::Validator Choices(std::vector<std::string> words) {
  const std::string description = Describe(words);
  return CLI::Validator(
      [words = std::move(words)](std::string& value) {
        return Contains(words, value) ? std::string() : Complaint(value, words);
      },
      description);
}

CLI::Validator ListOf(std::vector<std::string> words) {
  const std::string description = Describe(words);
  return CLI::Validator(
      [words = std::move(words)](std::string& value) {
        const std::vector<std::string> given = absl::StrSplit(value, ',');
        for (const std::string& word : given) {
          if (!Contains(words, word)) return Complaint(word, words);
        }
        return std::string();
      },
      description);
}

std::vector<std::string> ChoicesOf(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  const std::size_t open = type.find('{');
  const std::size_t close = type.rfind('}');
  if (open == std::string::npos || close == std::string::npos) return {};
  return absl::StrSplit(type.substr(open + 1, close - open - 1), ',');
}

}  // namespace trainyard::client

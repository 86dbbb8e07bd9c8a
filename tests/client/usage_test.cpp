// Command lines that do not parse: what is said, and what to type.
#include "client/cli/usage.h"

#include <gtest/gtest.h>

#include <sstream>

#include "client/cli/app.h"

namespace trainyard::client {
namespace {

struct Answer {
  int code;
  std::string out;
  std::string err;
};

Answer Typed(std::vector<std::string> arguments) {
  std::ostringstream out;
  std::ostringstream err;
  Terminal terminal(out, err);
  const int code = RunCommandLine(std::move(arguments), terminal);
  return {code, out.str(), err.str()};
}

struct Case {
  std::vector<std::string> arguments;
  std::string error;
  std::string hint;
};

class BadUsage : public testing::TestWithParam<Case> {};

TEST_P(BadUsage, SaysWhatToType) {
  const Answer answer = Typed(GetParam().arguments);
  EXPECT_EQ(answer.code, 2);
  EXPECT_EQ(answer.out, "");
  EXPECT_EQ(answer.err, "error: " + GetParam().error + "\nhint: " + GetParam().hint + "\n");
}

INSTANTIATE_TEST_SUITE_P(
    CommandLines, BadUsage,
    testing::Values(
        Case{{"jbo", "list"},
             "'jbo' is no command of trainyard; did you mean job?",
             "trainyard --help"},
        Case{{"--server", "jobs", "jobs"},
             "'jobs' is no command of trainyard; did you mean job?",
             "trainyard --help"},
        Case{{"job", "--output", "json", "shw", "a"},
             "'shw' is no command of trainyard job; did you mean show?",
             "trainyard job --help"},
        Case{{"network", "frobnicate"},
             "'frobnicate' is no command of trainyard network; there are create, list, show, "
             "share, delete",
             "trainyard network --help"},
        Case{{"network"},
             "trainyard network needs one of the commands create, list, show, share, delete",
             "trainyard network --help"},
        Case{{"train", "--network", "n", "--dataset", "d", "--epoch", "3"},
             "trainyard train has no option --epoch; did you mean --epochs?",
             "trainyard train --help"},
        Case{{"queue", "--frobnicate=1"},
             "trainyard queue has no option --frobnicate",
             "trainyard queue --help"},
        Case{{"job", "show"}, "NAME is required", "trainyard job show --help"},
        Case{{"job", "list", "x"},
             "The following argument was not expected: x",
             "trainyard job list --help"},
        Case{{"job", "logs", "j", "--tail", "0"},
             "--tail: Value 0 not in range 1 to 1000000000",
             "trainyard job logs --help"}));

TEST(Usage, HelpIsNoError) {
  const Answer answer = Typed({"job", "show", "--help"});
  EXPECT_EQ(answer.code, 0);
  EXPECT_NE(answer.out.find("Usage: trainyard job show"), std::string::npos) << answer.out;
  EXPECT_EQ(answer.err, "");
}

}  // namespace
}  // namespace trainyard::client

#include "client/cli/completion.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "client/cli/app.h"

namespace trainyard::client {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class Completion : public testing::Test {
 protected:
  Completion() : script_(fs::temp_directory_path() / ("completion-" + std::to_string(getpid()))) {}
  ~Completion() override { fs::remove(script_); }

  void Write(const std::string& text) { std::ofstream(script_) << text; }
  // What the shell prints for a command that comes after the script.
  std::string Shell(const std::string& shell, const std::string& command) {
    std::ofstream(script_, std::ios::app) << "\n" << command << "\n";
    FILE* pipe = popen((shell + " " + script_.string() + " 2>&1").c_str(), "r");
    std::string output;
    for (int c = fgetc(pipe); c != EOF; c = fgetc(pipe)) output += static_cast<char>(c);
    pclose(pipe);
    return output;
  }
  // What bash would complete after these words.
  std::string Choose(const std::string& words) {
    Write(BashCompletion(*app_));
    return Shell("bash", "_trainyard_choose " + words + "; echo \"[$words][$files]\"");
  }

  std::ostringstream out_;
  Terminal terminal_{out_, out_};
  Context context_{terminal_};
  const std::unique_ptr<CLI::App> app_ = MakeApp(context_);
  const fs::path script_;
};

TEST_F(Completion, BashScriptIsWellFormed) {
  Write(BashCompletion(*app_));
  EXPECT_EQ(std::system(("bash -n " + script_.string()).c_str()), 0);
}

TEST_F(Completion, ZshScriptIsWellFormed) {
  if (std::system("command -v zsh > /dev/null 2>&1") != 0) GTEST_SKIP() << "no zsh here";
  Write(ZshCompletion(*app_));
  EXPECT_EQ(std::system(("zsh -n " + script_.string()).c_str()), 0);
}

TEST_F(Completion, OffersSubcommands) {
  EXPECT_THAT(Choose("dataset"), HasSubstr("create generate import list show preview share delete"));
}

TEST_F(Completion, OffersWordsOfValues) {
  EXPECT_THAT(Choose("network create n --loss"), HasSubstr("[tse cross-entropy][]"));
  EXPECT_THAT(Choose("job list --output"), HasSubstr("[table json][]"));
  EXPECT_THAT(Choose("dataset generate d --kind"), HasSubstr("digits and or xor nand nor circle"));
  EXPECT_THAT(Choose("train --optimizer"), HasSubstr("[sgd momentum nesterov adam adamw]"));
  EXPECT_THAT(Choose("train --preset"), HasSubstr("[notebook gates playground regression mnist]"));
  EXPECT_THAT(Choose("dataset import"), HasSubstr("mnist fashion-mnist"));
}

TEST_F(Completion, OffersOptionsAndFiles) {
  EXPECT_THAT(Choose("train"), HasSubstr("--learning-rate"));
  EXPECT_THAT(Choose("dataset create d --file"), HasSubstr("[][1]"));
}

}  // namespace
}  // namespace trainyard::client

// trainyard: the command line.

#include <csignal>
#include <cstdlib>
#include <string>
#include <vector>

#include "client/cli/app.h"

int main(int argc, char** argv) {
  // gRPC logs of its own would tear the display; errors come as statuses.
  setenv("GRPC_VERBOSITY", "NONE", /*overwrite=*/0);
  // A pipe that is closed ends the output, not the process with a signal.
  std::signal(SIGPIPE, SIG_IGN);
  auto terminal = trainyard::client::Terminal::Standard();
  return trainyard::client::RunCommandLine(std::vector<std::string>(argv + 1, argv + argc),
                                           terminal);
}

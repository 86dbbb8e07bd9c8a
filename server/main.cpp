// trainyard-server: options, signals, and the one line that says it is ready.
#include <signal.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <thread>

#include "server/app.h"

namespace {

// The worker binary is beside this one.
std::filesystem::path WorkerBinary() {
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  return self.parent_path() / "trainyard-worker";
}

// Blocks the signals that end the server, in every thread to come, so that one
// sigwait hears them.
sigset_t BlockSignals() {
  sigset_t signals;
  ::sigemptyset(&signals);
  ::sigaddset(&signals, SIGTERM);
  ::sigaddset(&signals, SIGINT);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  return signals;
}

}  // namespace

int main(int argc, char** argv) {
  // gRPC's own log repeats what our errors say, in its words.
  ::setenv("GRPC_VERBOSITY", "NONE", 0);
  trainyard::server::AppOptions options;
  options.slots = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  options.worker = WorkerBinary();
  CLI::App cli("Trainyard's server: owns datasets and training jobs");
  cli.set_version_flag("--version", "trainyard-server " TRAINYARD_VERSION);
  cli.add_option("--data-dir", options.data_dir, "Directory that holds everything; made if missing")
      ->required();
  cli.add_option("--listen", options.listen, "HOST:PORT for gRPC; port 0 picks a free one")
      ->capture_default_str();
  cli.add_option("--slots", options.slots, "Jobs that run at once (default: the cores)")
      ->check(CLI::Range(1, 1024));
  cli.add_option("--watts-per-core", options.watts_per_core,
                 "Power of a busy core, for energy where it cannot be measured")
      ->check(CLI::Range(0.0, 1000.0))
      ->type_name("WATTS")
      ->capture_default_str();
  try {
    cli.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return cli.exit(error) == 0 ? 0 : 2;
  }

  spdlog::set_default_logger(spdlog::stderr_color_mt("trainyard"));
  ::umask(077);
  const sigset_t signals = BlockSignals();
  auto app = trainyard::server::App::Start(options);
  if (!app.ok()) {
    spdlog::error("{}", std::string(app.status().message()));
    return 1;
  }
  std::cout << "listening grpc=" << (*app)->address() << std::endl;
  spdlog::info("serving {} with {} slots", options.data_dir.string(), options.slots);
  int signal = 0;
  ::sigwait(&signals, &signal);
  spdlog::info("signal {}: draining", signal);
  (*app)->Drain();
  return 0;
}

// Watches one job with many streams at once and prints what they saw, as JSON;
// with --bare it is a server of made-up events to compare with. watch_load.py
// runs both.
#include <grpcpp/grpcpp.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <iostream>
#include <string>
#include <thread>

#include "tests/bench/watch/bare_server.h"
#include "tests/bench/watch/load.h"

namespace trainyard::bench {
namespace {

struct BareOptions {
  std::int64_t history = 1;
  // Milliseconds from one event to the next; 0 for none but the history.
  int period = 0;
};

// Serves until it is killed.
int ServeBare(const BareOptions& options) {
  BareLog log(options.history, options.period > 0);
  BareService service(log);
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&service);
  const auto server = builder.BuildAndStart();
  if (server == nullptr || port == 0) {
    std::cerr << "watch_load: cannot listen on loopback" << std::endl;
    return 1;
  }
  std::cout << "listening grpc=127.0.0.1:" << port << std::endl;
  if (options.period == 0) server->Wait();
  for (auto next = std::chrono::steady_clock::now();; log.Append()) {
    next += std::chrono::milliseconds(options.period);
    std::this_thread::sleep_until(next);
  }
}

}  // namespace
}  // namespace trainyard::bench

int main(int argc, char** argv) {
  using trainyard::bench::Load;
  bool bare = false;
  bool replay = false;
  trainyard::bench::BareOptions server;
  trainyard::bench::LoadOptions load;
  CLI::App cli("Loads a server with watchers of one job, or is a bare server to compare with");
  cli.add_flag("--bare", bare, "Serve made-up events on a free port of loopback");
  cli.add_option("--history", server.history, "With --bare: events that there are at the start");
  cli.add_option("--period", server.period,
                 "With --bare: milliseconds between events (default: no more events)");
  cli.add_option("--server", load.server, "HOST:PORT of the server to load");
  cli.add_option("--pid", load.pid, "Process id of that server, which is measured");
  cli.add_option("--job", load.job, "Full name of the job to watch");
  cli.add_option("--streams", load.streams, "Watchers")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  cli.add_option("--connections", load.connections, "TCP connections")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  cli.add_option("--silent", load.silent, "Percent that never read")->capture_default_str();
  cli.add_option("--churn", load.churn, "Percent that come and go")->capture_default_str();
  cli.add_option("--after", load.after, "Sequence to begin after")->capture_default_str();
  cli.add_option("--seconds", load.seconds, "How long to measure")->capture_default_str();
  cli.add_flag("--replay", replay, "Read an ended job's events to the end, as fast as they come");
  CLI11_PARSE(cli, argc, argv);
  if (bare) return trainyard::bench::ServeBare(server);
  if (load.server.empty() || load.job.empty()) {
    std::cerr << "watch_load: give --bare, or --server and --job" << std::endl;
    return 2;
  }
  // A stream that is to come to its end reads all the time.
  if (replay) load.silent = load.churn = 0;
  Load watchers(load);
  return replay ? watchers.Replay() : watchers.Live();
}

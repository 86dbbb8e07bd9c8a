// Many watchers of one job, over many connections.
#pragma once

#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tests/bench/watch/watcher.h"

namespace trainyard::bench {

struct LoadOptions {
  // HOST:PORT, and its process, which is measured.
  std::string server;
  int pid = 0;
  std::string job;
  int streams = 10000;
  int connections = 100;
  // Percent that never read after the start; they have connections of their own.
  int silent = 10;
  // Percent that are closed and opened again, a quarter of them every second.
  int churn = 1;
  // The cursor with which streams begin; there must be an event after it.
  std::int64_t after = 0;
  // How long is measured.
  int seconds = 20;
};

// Connections, each a TCP connection of its own, and the streams over them.
class Load {
 public:
  explicit Load(const LoadOptions& options);

  // Connects all; false where the server does not answer.
  bool Connect();

  // Each prints one JSON object and returns an exit code. Live: opens all
  // streams, waits until each has received something, measures, lets the silent
  // ones catch up. Replay: reads each to its end.
  int Live();
  int Replay();

 private:
  void AddWatchers();
  // Whether each stream has received something, and each that reads all.
  bool AllReady() const;
  // How many have received less than this.
  std::int64_t Behind(std::int64_t sequence, bool silent_too) const;
  // What is measured while the streams are open.
  struct Span {
    // Unix seconds.
    double from = 0;
    double to = 0;
    double took = 0;
    std::int64_t messages = 0;
    // The server's: CPU seconds used, and the most that was resident.
    double cpu = 0;
    std::int64_t rss = 0;
    int reopened = 0;
  };
  Span Measure();
  // How many did not come to where the others are, though they now read.
  std::int64_t CatchUp();
  void PrintChecks(std::int64_t behind, int broken) const;
  // Closes a quarter of those that churn and opens them again; how many.
  int Churn(int tick);
  // How many streams ended by themselves; then no stream is left.
  int CloseAll();
  Watcher::Violations TotalViolations() const;
  // Milliseconds, in order.
  std::vector<float> AllLags() const;

  const LoadOptions options_;
  Run run_;
  std::vector<std::shared_ptr<grpc::Channel>> channels_;
  std::vector<std::unique_ptr<v1::TrainingService::Stub>> stubs_;
  std::vector<std::unique_ptr<Watcher>> watchers_;
};

}  // namespace trainyard::bench

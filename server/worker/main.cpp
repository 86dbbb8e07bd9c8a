// trainyard-worker: one task in a process of its own. Started by the server.
#include <signal.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

#include "core/base/file.h"
#include "server/exec/confine.h"
#include "server/worker/session.h"
#include "server/worker/tasks.h"

namespace {

// Address space of a worker that reads a stranger's file, beyond what it maps:
// a parser gone wild ends its own process, not the machine.
constexpr rlim_t kIngestAddressSpace = rlim_t{8} << 30;

void Limit(int resource, rlim_t value) {
  const rlimit limit{value, value};
  if (::setrlimit(resource, &limit) != 0) spdlog::warn("setrlimit {} failed", resource);
}

void Confine() {
  ::umask(077);
  Limit(RLIMIT_CORE, 0);
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) spdlog::warn("no_new_privs is not set");
// The leak checker looks into its own process by ptrace.
#if !defined(__SANITIZE_ADDRESS__)
  // The server has said so once where it cannot be.
  if (trainyard::server::CanConfine().ok()) {
    const auto confined = trainyard::server::ConfineProcess();
    if (!confined.ok()) spdlog::warn("{}", std::string(confined.message()));
  }
#endif
  // A server that stops wants no outcome: the task is done again from what is
  // durable. Async-signal-safe.
  ::signal(SIGTERM, [](int) { ::_exit(0); });
}

// Training takes what others leave: the server, predictions and inferences are
// short, and come first. Where the kernel shares the processor among sessions
// (CONFIG_SCHED_AUTOGROUP), a worker's is a session of its own and has a niceness
// beside the process's.
void StepBack() {
  constexpr int kNiceness = 10;
  if (::setpriority(PRIO_PROCESS, 0, kNiceness) != 0) spdlog::warn("setpriority failed");
  std::ofstream("/proc/self/autogroup") << kNiceness;
}

void LimitIngest() {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  Limit(RLIMIT_AS, kIngestAddressSpace);
#endif
}

}  // namespace

int main(int argc, char** argv) {
  using trainyard::worker::v1::ServerMessage;
  std::string name;
  trainyard::server::WorkerContext context;
  CLI::App cli("Trainyard's worker: runs one task; started by trainyard-server");
  cli.add_option("--data-dir", context.data_dir, "The server's data directory")->required();
  cli.add_option("--job", name, "Resource to work for")->required();
  cli.add_option("--attempt", context.attempt, "Attempt, from 1")->required();
  CLI11_PARSE(cli, argc, argv);

  spdlog::set_default_logger(spdlog::stderr_logger_mt("worker"));
  Confine();
  // The job's next worker goes on from what is safe.
  trainyard::SetSyncFailureHandler([](const absl::Status& error) {
    spdlog::critical("{}: this worker ends", std::string(error.message()));
    ::_exit(1);
  });
  trainyard::server::Session session(context.data_dir, name, context.attempt);
  std::optional<trainyard::server::WorkerLock> lock;
  const auto task = session.Next();
  if (task) {
    switch (task->kind_case()) {
      case ServerMessage::kTrain:
        StepBack();
        lock = trainyard::server::RunTraining(context, task->train(), session);
        break;
      case ServerMessage::kIngest:
        LimitIngest();
        trainyard::server::RunIngest(context, task->ingest(), session);
        break;
      case ServerMessage::kEvaluate:
        trainyard::server::RunEvaluation(context, task->evaluate(), session);
        break;
      case ServerMessage::kServe:
        trainyard::server::RunServing(context, session);
        break;
      default:
        spdlog::error("{}: the server sent no task", name);
    }
  }
  const auto status = session.Close();
  if (status.ok()) return 0;
  spdlog::error("{} attempt {}: {}", name, context.attempt, status.error_message());
  return 1;
}

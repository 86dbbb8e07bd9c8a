// Workers as processes of this machine.
#pragma once

#include <filesystem>
#include <map>
#include <mutex>
#include <string>
#include <thread>

#include "server/exec/executor.h"

namespace trainyard::server {

// Spawns `worker --data-dir DIR --job NAME --attempt N`, each in a session of
// its own, and waits for their ends through pidfds on one thread.
class LocalExecutor final : public Executor {
 public:
  LocalExecutor(std::filesystem::path worker, std::filesystem::path data_dir);
  // Kills what is left, without telling the handler.
  ~LocalExecutor() override;

  void SetExitHandler(ExitHandler handler) override;
  absl::StatusOr<WorkerId> Start(const WorkerSpec& spec) override;
  absl::StatusOr<WorkerId> Adopt(int pid) override;
  void Release(WorkerId id) override;
  void Hurry(WorkerId id) override;
  void Terminate(WorkerId id) override;
  void Kill(WorkerId id) override;

 private:
  struct Process {
    int pid = 0;
    int pidfd = -1;
    // Whether it is another's child: nothing to reap.
    bool adopted = false;
  };

  // Watches a process; mutex_ is held.
  absl::StatusOr<WorkerId> Add(int pid, bool adopted);

  // 0, or why it could not be done.
  int GiveShare(WorkerId id);
  void Signal(WorkerId id, int signal);
  void Watch();
  void Reap(WorkerId id);

  const std::filesystem::path worker_;
  const std::filesystem::path data_dir_;
  ExitHandler handler_;
  int epoll_ = -1;
  int wake_ = -1;
  std::mutex mutex_;
  std::map<WorkerId, Process> processes_;  // guarded by mutex_
  WorkerId last_id_ = 0;                   // guarded by mutex_
  std::thread watcher_;                    // last: it uses all of the above
};

}  // namespace trainyard::server

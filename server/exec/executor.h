// Starts worker processes. What starts them (this machine, later a cluster) is
// an executor's own affair.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "absl/status/statusor.h"

namespace trainyard::server {

// A worker that an executor started; never used again.
using WorkerId = std::int64_t;

// What a worker is started with.
struct WorkerSpec {
  // Resource that it works for.
  std::string name;
  int attempt = 0;
  // Its standard output and error are appended to this file.
  std::filesystem::path log_file;
};

// Any thread may call it.
class Executor {
 public:
  // How a worker ended, in words that follow "its worker": "exited with code
  // 3", "was killed by signal 9".
  using ExitHandler = std::function<void(WorkerId id, const std::string& how)>;

  virtual ~Executor() = default;

  // Before the first Start. The handler is called once for each worker, on a
  // thread of the executor, after its process is gone.
  virtual void SetExitHandler(ExitHandler handler) = 0;

  // Errors: RESOURCE_EXHAUSTED or INTERNAL where no process could be started.
  virtual absl::StatusOr<WorkerId> Start(const WorkerSpec& spec) = 0;

  // Takes over a worker that an earlier server started. Its end is told as
  // "ended". Errors: NOT_FOUND where there is no such process.
  virtual absl::StatusOr<WorkerId> Adopt(int pid) = 0;

  // Forgets one that was adopted by mistake; its end will not be told.
  virtual void Release(WorkerId id) = 0;

  // Lets it end soon on a busy machine, where a worker that trains gets only what others
  // leave.
  virtual void Hurry(WorkerId id) = 0;

  // Asks it to end. Nothing where it has ended.
  virtual void Terminate(WorkerId id) = 0;

  // Ends it. Nothing where it has ended.
  virtual void Kill(WorkerId id) = 0;
};

}  // namespace trainyard::server

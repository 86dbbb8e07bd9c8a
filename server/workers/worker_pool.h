// Worker processes, from start to end, and the streams they speak over.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/exec/executor.h"
#include "trainyard/worker/v1/worker.pb.h"

namespace trainyard::server {

// How a task speaks to its worker. Any thread.
class WorkerLink {
 public:
  virtual ~WorkerLink() = default;
  // False where the worker is gone.
  virtual bool Send(const worker::v1::ServerMessage& message) = 0;
};

// What a worker process was started for. The pool calls it from one thread at
// a time, but for OnDrain: OnAttach once at most, OnMessage for each message
// after it, OnEnd exactly once, last.
class WorkerTask {
 public:
  virtual ~WorkerTask() = default;
  // The worker is there, perhaps `again`; send it what it needs. An error
  // refuses it.
  virtual absl::Status OnAttach(std::shared_ptr<WorkerLink> link, bool again) = 0;
  // An error ends the worker.
  virtual absl::Status OnMessage(const worker::v1::WorkerMessage& message) = 0;
  // The outcome has been received: the worker may go.
  virtual bool Done() const = 0;
  // The server stops. True where the task has asked its worker to end by itself
  // soon; else the worker is told to.
  virtual bool OnDrain() { return false; }
  // The process is gone. `draining` where the server stops, and what was not
  // done shall be done after its next start.
  virtual void OnEnd(const std::string& how, bool draining) = 0;
};

// Starts workers through an executor, lets them attach, and tells their tasks
// when they are gone. Any thread.
class WorkerPool {
 public:
  // `executor` must outlive the pool. A worker that has been asked to end is killed
  // after `grace`.
  explicit WorkerPool(Executor& executor, std::chrono::milliseconds grace = kGrace);
  ~WorkerPool();

  // `name` is the resource it works for, (name, attempt) unique among living
  // workers; one whose task is done is waited for, so not to be called from a
  // task of the same name and attempt. On an error the task will not be called.
  absl::Status Start(const std::string& name, int attempt, const std::filesystem::path& log,
                     std::shared_ptr<WorkerTask> task);

  // Expects a worker that outlived an earlier server to attach again; it is
  // killed where it does not within `lease`. `is_it` says, once the process can
  // no longer be mistaken for another, whether it is the one meant. On an error
  // the task will not be called.
  absl::Status Adopt(const std::string& name, int attempt, int pid, std::chrono::seconds lease,
                     std::shared_ptr<WorkerTask> task, const std::function<bool()>& is_it);

  // Kills a worker of an earlier server that works for nobody any more; `is_it` as in
  // Adopt. Its end is nobody's to hear.
  void Dismiss(int pid, const std::function<bool()>& is_it);

  // A worker's stream, from its Hello to its end. `read` returns false when
  // the stream has ended. Returns the status for the stream.
  absl::Status Serve(const worker::v1::Hello& hello, std::shared_ptr<WorkerLink> link,
                     const std::function<bool(worker::v1::WorkerMessage&)>& read);

  // Ends every worker and waits until their tasks have heard of it; refuses new ones.
  // False where one is still there half the grace after it was killed: nothing ends a
  // process that waits for a broken disk.
  [[nodiscard]] bool Drain();

  int running() const;

 private:
  static constexpr std::chrono::seconds kGrace{8};
  struct Worker;

  void WaitForPredecessor(const std::string& key, std::unique_lock<std::mutex>& lock);
  void OnExit(WorkerId id, const std::string& how);
  // Kills adopted workers whose lease has run out.
  void WatchLeases();
  void End(const std::shared_ptr<Worker>& worker);
  std::vector<std::shared_ptr<Worker>> Left() const;
  // Until there are no workers; false where some are left.
  bool WaitForNone(std::chrono::milliseconds patience);

  Executor& executor_;
  const std::chrono::milliseconds grace_;
  mutable std::mutex mutex_;
  std::condition_variable ended_;
  bool draining_ = false;  // guarded by mutex_
  std::map<std::string, std::shared_ptr<Worker>>
      workers_;  // by name and attempt; guarded by mutex_
  std::condition_variable adopted_;
  bool closing_ = false;  // guarded by mutex_
  std::thread leases_;    // started by the first Adopt
};

}  // namespace trainyard::server

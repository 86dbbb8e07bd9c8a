#include "server/workers/worker_pool.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>
#include <vector>

#include "core/base/error.h"
#include "core/base/text.h"

namespace trainyard::server {
namespace {

constexpr std::chrono::seconds kBetweenHurries{1};

std::string KeyOf(std::string_view name, int attempt) { return StrCat(name, "#", attempt); }

}  // namespace

struct WorkerPool::Worker {
  std::string key;
  WorkerId id{};
  std::shared_ptr<WorkerTask> task;
  // The rest is guarded by the pool's mutex.
  bool attached = false;
  // A stream of it is being served: the end waits for it.
  bool streaming = false;
  bool exited = false;
  bool ended = false;
  // Of one that was adopted, until it has attached.
  std::optional<std::chrono::steady_clock::time_point> lease_end;
  std::string how;
};

WorkerPool::WorkerPool(Executor& executor, std::chrono::milliseconds grace)
    : executor_(executor), grace_(grace) {
  executor_.SetExitHandler([this](WorkerId id, const std::string& how) { OnExit(id, how); });
}

absl::Status WorkerPool::Start(const std::string& name, int attempt,
                               const std::filesystem::path& log, std::shared_ptr<WorkerTask> task) {
  auto worker = std::make_shared<Worker>();
  worker->key = KeyOf(name, attempt);
  worker->task = std::move(task);
  // Held while the process starts, so that neither its end nor its Hello comes
  // before the pool knows it.
  std::unique_lock lock(mutex_);
  WaitForPredecessor(worker->key, lock);
  if (draining_) return absl::UnavailableError("the server is shutting down");
  if (workers_.contains(worker->key)) {
    return absl::AlreadyExistsError(StrCat("a worker for ", worker->key, " is running"));
  }
  auto id = executor_.Start({name, attempt, log});
  if (!id.ok()) return id.status();
  worker->id = *id;
  workers_.emplace(worker->key, worker);
  return absl::OkStatus();
}

WorkerPool::~WorkerPool() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  adopted_.notify_all();
  if (leases_.joinable()) leases_.join();
}

absl::Status WorkerPool::Adopt(const std::string& name, int attempt, int pid,
                               std::chrono::seconds lease, std::shared_ptr<WorkerTask> task,
                               const std::function<bool()>& is_it) {
  auto worker = std::make_shared<Worker>();
  worker->key = KeyOf(name, attempt);
  worker->task = std::move(task);
  worker->lease_end = std::chrono::steady_clock::now() + lease;
  const std::lock_guard lock(mutex_);
  auto id = executor_.Adopt(pid);
  if (!id.ok()) return id.status();
  if (!is_it()) {
    executor_.Release(*id);
    return absl::NotFoundError("the worker has ended");
  }
  worker->id = *id;
  workers_.emplace(worker->key, worker);
  if (!leases_.joinable()) leases_ = std::thread([this] { WatchLeases(); });
  adopted_.notify_all();
  return absl::OkStatus();
}

void WorkerPool::Dismiss(int pid, const std::function<bool()>& is_it) {
  const auto id = executor_.Adopt(pid);
  if (!id.ok()) return;
  if (is_it()) {
    executor_.Kill(*id);
  } else {
    executor_.Release(*id);
  }
}

void WorkerPool::WatchLeases() {
  using Clock = std::chrono::steady_clock;
  std::unique_lock lock(mutex_);
  while (!closing_) {
    std::optional<Clock::time_point> next;
    for (const auto& [key, worker] : workers_) {
      if (!worker->lease_end) continue;
      if (*worker->lease_end <= Clock::now()) {
        spdlog::warn("worker {} has not attached again and is killed", worker->key);
        worker->lease_end.reset();
        executor_.Kill(worker->id);
      } else if (!next || *worker->lease_end < *next) {
        next = worker->lease_end;
      }
    }
    if (next) {
      adopted_.wait_until(lock, *next);
    } else {
      adopted_.wait(lock);
    }
  }
}

// A name may be used again while the process that worked for its former owner
// is still ending: its task is over, and it will be gone in a moment.
void WorkerPool::WaitForPredecessor(const std::string& key, std::unique_lock<std::mutex>& lock) {
  const auto found = workers_.find(key);
  if (found == workers_.end() || !found->second->task->Done()) return;
  ended_.wait_for(lock, grace_, [&] { return !workers_.contains(key); });
}

absl::Status WorkerPool::Serve(const worker::v1::Hello& hello, std::shared_ptr<WorkerLink> link,
                               const std::function<bool(worker::v1::WorkerMessage&)>& read) {
  std::shared_ptr<Worker> worker;
  {
    const std::lock_guard lock(mutex_);
    const auto found = workers_.find(KeyOf(hello.name(), hello.attempt()));
    if (found == workers_.end() || found->second->attached || draining_) {
      return MakeError(
          absl::StatusCode::kFailedPrecondition, {"ATTEMPT_REFUSED", "", {}},
          StrCat(hello.name(), " attempt ", hello.attempt(), " is not the current one"));
    }
    worker = found->second;
    worker->attached = worker->streaming = true;
    worker->lease_end.reset();
  }
  absl::Status status = worker->task->OnAttach(std::move(link), hello.again());
  worker::v1::WorkerMessage message;
  while (status.ok() && read(message)) status = worker->task->OnMessage(message);
  if (!status.ok()) spdlog::warn("worker {}: {}", worker->key, status.ToString());
  // A stream that ended early leaves a process that nobody hears: end it too.
  if (!worker->task->Done()) executor_.Kill(worker->id);
  bool end = false;
  {
    const std::lock_guard lock(mutex_);
    worker->streaming = false;
    end = worker->exited;
  }
  if (end) End(worker);
  return status;
}

void WorkerPool::OnExit(WorkerId id, const std::string& how) {
  std::shared_ptr<Worker> worker;
  bool end = false;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [key, candidate] : workers_) {
      if (candidate->id == id) worker = candidate;
    }
    if (worker == nullptr) return;
    worker->exited = true;
    worker->how = how;
    end = !worker->streaming;
  }
  if (end) End(worker);
}

void WorkerPool::End(const std::shared_ptr<Worker>& worker) {
  bool draining = false;
  {
    const std::lock_guard lock(mutex_);
    if (worker->ended) return;
    worker->ended = true;
    draining = draining_;
  }
  worker->task->OnEnd(worker->how, draining);
  {
    const std::lock_guard lock(mutex_);
    workers_.erase(worker->key);
  }
  ended_.notify_all();
}

std::vector<std::shared_ptr<WorkerPool::Worker>> WorkerPool::Left() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<Worker>> workers;
  for (const auto& [key, worker] : workers_) workers.push_back(worker);
  return workers;
}

// Hurried again and again: one that has only begun steps back first.
bool WorkerPool::WaitForNone(std::chrono::milliseconds patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (std::chrono::steady_clock::now() < deadline) {
    for (const auto& worker : Left()) executor_.Hurry(worker->id);
    std::unique_lock lock(mutex_);
    const auto until = std::min(deadline, std::chrono::steady_clock::now() + kBetweenHurries);
    if (ended_.wait_until(lock, until, [this] { return workers_.empty(); })) return true;
  }
  return false;
}

bool WorkerPool::Drain() {
  {
    const std::lock_guard lock(mutex_);
    draining_ = true;
  }
  for (const auto& worker : Left()) {
    if (!worker->task->OnDrain()) executor_.Terminate(worker->id);
  }
  if (WaitForNone(grace_)) return true;
  for (const auto& worker : Left()) executor_.Kill(worker->id);
  if (WaitForNone(grace_ / 2)) return true;
  for (const auto& worker : Left()) spdlog::critical("worker {} does not end", worker->key);
  return false;
}

int WorkerPool::running() const {
  const std::lock_guard lock(mutex_);
  return static_cast<int>(workers_.size());
}

}  // namespace trainyard::server

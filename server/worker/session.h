// A worker's stream to its server.
#pragma once

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "trainyard/worker/v1/worker.grpc.pb.h"

namespace trainyard::server {

// Attaches, and carries messages both ways on threads of its own, so that
// computing never waits for the network but where the server is far behind. The
// task's thread calls Report, Progress, Finish, Next and Close; any thread may read
// stop().
//
// From the first report that the server has acknowledged, a stream that breaks is
// opened again, until ten minutes have passed without one, the server refuses this
// attempt, or the data directory is gone: what was reported and not acknowledged is
// kept and said again. Not before: a server that starts looks once for those that
// have outlived another, by locks that are there by then.
class Session {
 public:
  using Clock = std::function<std::chrono::steady_clock::time_point()>;

  // Connects to DATA_DIR/run/worker.sock and says hello.
  Session(const std::filesystem::path& data_dir, const std::string& name, int attempt,
          Clock clock = std::chrono::steady_clock::now);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // The next message that is not for the session itself; empty when the session
  // has ended.
  std::optional<worker::v1::ServerMessage> Next();

  // Queues a fact of a training run; facts that come faster than they are sent
  // travel together. Waits while too many are not acknowledged.
  void Report(worker::v1::TrainingFact fact);
  // Sent if nothing else waits to be sent, else dropped.
  void Progress(const v1::TrainingProgress& progress);
  // Sends a message after all that was reported has been acknowledged. False
  // where the session has ended before.
  bool Finish(const worker::v1::WorkerMessage& outcome);
  // Sends a message now.
  void Send(worker::v1::WorkerMessage message);
  // Says that there is no more, and waits for the server to agree.
  grpc::Status Close();

  // Requested when the server cancels or pauses the task, or is gone for good.
  std::stop_token stop() const { return stop_.get_token(); }
  // Whether the server has asked to pause, and not to cancel.
  bool pausing() const { return pausing_; }
  // To be called at the end of each epoch: makes a request that was to wait for
  // it one to pause now.
  void EndEpoch();
  // Why the server has asked to pause; empty where it did not say.
  std::string pause_reason() const;
  // Whether the session has ended: nobody will hear the outcome.
  bool broken() const;

 private:
  using Stream = grpc::ClientReaderWriter<worker::v1::WorkerMessage, worker::v1::ServerMessage>;

  // One stream after another, on the session's thread.
  void Run();
  grpc::Status RunStream(bool again);
  // Whether to try again; waits a little first.
  bool Again(const grpc::Status& status, std::chrono::steady_clock::time_point lost_at);
  void ReadLoop(Stream& stream);
  void Stop(const worker::v1::ServerMessage& message);
  void WriteLoop(Stream& stream);
  void Take(const worker::v1::Acknowledged& acknowledged);
  bool MayReport() const;
  // Takes what is to be sent next; empty when there will be nothing more.
  std::optional<worker::v1::WorkerMessage> TakeNext();

  const Clock clock_;
  const std::filesystem::path run_folder_;
  const std::string name_;
  const int attempt_;
  std::unique_ptr<worker::v1::WorkerService::Stub> stub_;
  std::stop_source stop_;
  std::atomic<bool> pausing_ = false;
  std::atomic<bool> yielding_ = false;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::unique_ptr<grpc::ClientContext> context_;    // guarded by mutex_
  std::deque<worker::v1::ServerMessage> received_;  // guarded by mutex_
  std::string pause_reason_;                        // guarded by mutex_
  std::deque<worker::v1::TrainingFact> facts_;      // guarded by mutex_
  std::deque<worker::v1::WorkerMessage> messages_;  // guarded by mutex_
  std::optional<v1::TrainingProgress> progress_;    // guarded by mutex_
  // Reports that are not known to be durable; the first `in_flight_` of them
  // have been sent on this stream.
  std::deque<worker::v1::TrainingReport> unacknowledged_;  // guarded by mutex_
  std::size_t in_flight_ = 0;                              // guarded by mutex_
  std::int64_t last_number_ = 0;                           // guarded by mutex_
  std::optional<worker::v1::WorkerMessage> outcome_;       // guarded by mutex_
  bool outcome_sent_ = false;                              // guarded by mutex_
  // The server has answered on this stream.
  bool attached_ = false;  // guarded by mutex_
  // This stream can no longer be read.
  bool unreadable_ = false;  // guarded by mutex_
  bool surviving_ = false;   // a report has been acknowledged; guarded by mutex_
  bool ended_ = false;       // guarded by mutex_
  bool closing_ = false;     // guarded by mutex_
  bool abandoned_ = false;   // guarded by mutex_
  grpc::Status status_;      // of the last stream; guarded by mutex_
  std::thread thread_;       // last: it uses all of the above
};

}  // namespace trainyard::server

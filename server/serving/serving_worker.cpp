#include "server/serving/serving_worker.h"

#include <chrono>
#include <future>
#include <utility>

#include "core/base/error.h"
#include "core/base/text.h"
#include "server/convert/status.h"

namespace trainyard::server {
namespace {

constexpr std::chrono::seconds kDeadline{30};
// An export writes all weights as text, in the slowest of its formats.
constexpr std::chrono::minutes kExportDeadline{5};

// What the serving worker is started for; no resource has such a name.
constexpr char kName[] = "serve";

absl::Status Lost(const std::string& how) {
  return MakeError(absl::StatusCode::kUnavailable, {"PREDICTOR_LOST", "", {}},
                   StrCat("the process that predicts ", how, "; try again"));
}

}  // namespace

// Passes on what the pool says.
class ServingWorker::ServeTask final : public WorkerTask {
 public:
  explicit ServeTask(ServingWorker& owner) : owner_(owner) {}

  absl::Status OnAttach(std::shared_ptr<WorkerLink> link, bool /*again*/) override {
    worker::v1::ServerMessage message;
    message.mutable_serve();
    if (!link->Send(message)) return absl::UnavailableError("the worker is gone");
    owner_.Attached(std::move(link));
    return absl::OkStatus();
  }
  absl::Status OnMessage(const worker::v1::WorkerMessage& message) override {
    if (!message.has_predict_outcome()) {
      return absl::InvalidArgumentError("not a message of a serving worker");
    }
    owner_.Answered(message.predict_outcome());
    return absl::OkStatus();
  }
  bool Done() const override { return false; }
  void OnEnd(const std::string& how, bool) override { owner_.Ended(how); }

 private:
  ServingWorker& owner_;
};

absl::StatusOr<std::unique_ptr<ServingWorker>> ServingWorker::Make(const Layout& layout,
                                                                   WorkerPool& pool) {
  auto channel = FrameChannel::Listen(layout.ServeSocket());
  if (!channel.ok()) return channel.status();
  return std::unique_ptr<ServingWorker>(new ServingWorker(layout, pool, *std::move(channel)));
}

absl::StatusOr<v1::PredictResponse> ServingWorker::Predict(worker::v1::PredictTask task) {
  Call call;
  std::unique_lock lock(mutex_);
  auto link = Link(lock);
  if (!link.ok()) return link.status();
  const std::int64_t id = ++last_id_;
  waiting_[id] = &call;
  lock.unlock();
  task.set_id(id);
  worker::v1::ServerMessage message;
  *message.mutable_predict() = std::move(task);
  const bool sent = (*link)->Send(message);
  lock.lock();
  if (sent) changed_.wait_for(lock, kDeadline, [&] { return call.done; });
  waiting_.erase(id);
  if (!sent) return Lost("has ended");
  if (!call.done) {
    return MakeError(absl::StatusCode::kDeadlineExceeded, {"PREDICTION_TIMEOUT", "", {}},
                     "no prediction within 30 s");
  }
  if (!call.status.ok()) return call.status;
  if (call.outcome.has_error()) return FromRpcStatus(call.outcome.error());
  return std::move(*call.outcome.mutable_response());
}

absl::Status ServingWorker::Start(std::unique_lock<std::mutex>& lock) {
  if (link_ != nullptr || starting_) return absl::OkStatus();
  starting_ = true;
  const int attempt = ++attempt_;
  lock.unlock();
  const auto status =
      pool_.Start(kName, attempt, layout_.TaskLog("serve"), std::make_shared<ServeTask>(*this));
  lock.lock();
  if (!status.ok()) starting_ = false;
  return status;
}

absl::StatusOr<std::shared_ptr<WorkerLink>> ServingWorker::Link(
    std::unique_lock<std::mutex>& lock) {
  if (auto status = Start(lock); !status.ok()) return status;
  changed_.wait_for(lock, kDeadline, [&] { return link_ != nullptr || !starting_; });
  if (link_ == nullptr) return Lost("did not start");
  return link_;
}

absl::StatusOr<Descriptor> ServingWorker::Export(const worker::v1::ExportTask& task) {
  OutgoingFrame request;
  request.header.kind = FrameKind::kExport;
  request.key = task.SerializeAsString();
  const auto promise = std::make_shared<std::promise<absl::StatusOr<Frame>>>();
  auto answer = promise->get_future();
  Request(std::move(request),
          [promise](absl::StatusOr<Frame> frame) { promise->set_value(std::move(frame)); });
  if (answer.wait_for(kExportDeadline) != std::future_status::ready) {
    return MakeError(absl::StatusCode::kDeadlineExceeded, {"EXPORT_TIMEOUT", "", {}},
                     "no export within 5 minutes");
  }
  auto frame = answer.get();
  if (!frame.ok()) return frame.status();
  return std::move(frame->file);
}

void ServingWorker::Request(OutgoingFrame request, FrameChannel::Answered answered) {
  absl::Status status;
  {
    std::unique_lock lock(mutex_);
    status = Start(lock);
  }
  if (!status.ok()) return answered(status);
  channel_->Send(std::move(request), [answered = std::move(answered)](absl::StatusOr<Frame> frame) {
    if (!frame.ok() || frame->header.kind != FrameKind::kFailed) return answered(std::move(frame));
    google::rpc::Status error;
    error.ParseFromArray(frame->body.get(), static_cast<int>(frame->header.body_bytes));
    answered(FromRpcStatus(error));
  });
}

void ServingWorker::Attached(std::shared_ptr<WorkerLink> link) {
  {
    const std::lock_guard lock(mutex_);
    link_ = std::move(link);
    starting_ = false;
  }
  changed_.notify_all();
}

void ServingWorker::Answered(const worker::v1::PredictOutcome& outcome) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = waiting_.find(outcome.id());
    if (found == waiting_.end()) return;
    found->second->outcome = outcome;
    found->second->done = true;
  }
  changed_.notify_all();
}

void ServingWorker::Ended(const std::string& how) {
  {
    const std::lock_guard lock(mutex_);
    link_.reset();
    starting_ = false;
    for (const auto& [id, call] : waiting_) {
      call->status = Lost(how);
      call->done = true;
    }
  }
  changed_.notify_all();
  // Now: a request that comes from here on starts another worker.
  channel_->Disconnect(Lost(how));
}

}  // namespace trainyard::server

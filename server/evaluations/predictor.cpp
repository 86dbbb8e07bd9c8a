#include "server/evaluations/predictor.h"

#include <chrono>
#include <utility>

#include "core/base/error.h"
#include "core/base/text.h"
#include "server/convert/status.h"

namespace trainyard::server {
namespace {

constexpr std::chrono::seconds kDeadline{30};

// What the serving worker is started for; no resource has such a name.
constexpr char kName[] = "serve";

absl::Status Lost(const std::string& how) {
  return MakeError(absl::StatusCode::kUnavailable, {"PREDICTOR_LOST", "", {}},
                   StrCat("the process that predicts ", how, "; try again"));
}

}  // namespace

// Passes on what the pool says.
class Predictor::ServeTask final : public WorkerTask {
 public:
  explicit ServeTask(Predictor& predictor) : predictor_(predictor) {}

  absl::Status OnAttach(std::shared_ptr<WorkerLink> link, bool /*again*/) override {
    worker::v1::ServerMessage message;
    message.mutable_serve();
    if (!link->Send(message)) return absl::UnavailableError("the worker is gone");
    predictor_.Attached(std::move(link));
    return absl::OkStatus();
  }
  absl::Status OnMessage(const worker::v1::WorkerMessage& message) override {
    if (!message.has_predict_outcome()) {
      return absl::InvalidArgumentError("not a message of a serving worker");
    }
    predictor_.Answered(message.predict_outcome());
    return absl::OkStatus();
  }
  bool Done() const override { return false; }
  void OnEnd(const std::string& how, bool) override { predictor_.Ended(how); }

 private:
  Predictor& predictor_;
};

absl::StatusOr<v1::PredictResponse> Predictor::Predict(worker::v1::PredictTask task) {
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

absl::StatusOr<std::shared_ptr<WorkerLink>> Predictor::Link(std::unique_lock<std::mutex>& lock) {
  if (link_ == nullptr && !starting_) {
    starting_ = true;
    const int attempt = ++attempt_;
    lock.unlock();
    const auto status =
        pool_.Start(kName, attempt, layout_.TaskLog("serve"), std::make_shared<ServeTask>(*this));
    lock.lock();
    if (!status.ok()) {
      starting_ = false;
      return status;
    }
  }
  changed_.wait_for(lock, kDeadline, [&] { return link_ != nullptr || !starting_; });
  if (link_ == nullptr) return Lost("did not start");
  return link_;
}

void Predictor::Attached(std::shared_ptr<WorkerLink> link) {
  {
    const std::lock_guard lock(mutex_);
    link_ = std::move(link);
    starting_ = false;
  }
  changed_.notify_all();
}

void Predictor::Answered(const worker::v1::PredictOutcome& outcome) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = waiting_.find(outcome.id());
    if (found == waiting_.end()) return;
    found->second->outcome = outcome;
    found->second->done = true;
  }
  changed_.notify_all();
}

void Predictor::Ended(const std::string& how) {
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
}

}  // namespace trainyard::server

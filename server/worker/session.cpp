#include "server/worker/session.h"

#include <unistd.h>

#include <utility>

#include "core/base/text.h"
#include "server/store/layout.h"

namespace trainyard::server {
namespace {

constexpr int kMaxMessageBytes = 64 << 20;
// Facts that may wait to be sent before training does; more while there is no
// server to send them to.
constexpr std::size_t kMaxWaitingFacts = 4096;
constexpr std::size_t kMaxKeptFacts = 1 << 17;
// Facts that travel in one report.
constexpr std::size_t kMaxFactsInReport = 256;
// Reports that may be on their way at once.
constexpr std::size_t kMaxReportsInFlight = 2;

constexpr std::chrono::minutes kWithoutServer{10};
constexpr std::chrono::milliseconds kBetweenTries{100};
// Of a connection, however long the server has been away: it waits ten seconds for us.
constexpr std::chrono::milliseconds kMaxBackoff{1000};

std::shared_ptr<grpc::Channel> Connect(const std::filesystem::path& data_dir) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMaxMessageBytes);
  arguments.SetMaxSendMessageSize(kMaxMessageBytes);
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  arguments.SetInt(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, static_cast<int>(kBetweenTries.count()));
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, static_cast<int>(kMaxBackoff.count()));
  const std::string socket = std::filesystem::absolute(Layout(data_dir).WorkerSocket()).string();
  return grpc::CreateCustomChannel(StrCat("unix:", socket), grpc::InsecureChannelCredentials(),
                                   arguments);
}

}  // namespace

Session::Session(const std::filesystem::path& data_dir, const std::string& name, int attempt,
                 Clock clock)
    : clock_(std::move(clock)),
      run_folder_(Layout(data_dir).WorkerSocket().parent_path()),
      name_(name),
      attempt_(attempt),
      stub_(worker::v1::WorkerService::NewStub(Connect(data_dir))),
      thread_([this] { Run(); }) {}

Session::~Session() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = abandoned_ = true;
    if (context_ != nullptr) context_->TryCancel();
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

bool Session::broken() const {
  const std::lock_guard lock(mutex_);
  return ended_;
}

void Session::Run() {
  auto alive_at = clock_();
  grpc::Status status;
  bool again = false;
  do {
    status = RunStream(std::exchange(again, true));
    const std::lock_guard lock(mutex_);
    // A stream on which the server answered was a server until now.
    if (attached_) alive_at = clock_();
  } while (Again(status, alive_at));
  {
    const std::lock_guard lock(mutex_);
    status_ = status;
    ended_ = true;
  }
  changed_.notify_all();
  // Nobody would hear the result.
  stop_.request_stop();
}

grpc::Status Session::RunStream(bool again) {
  worker::v1::WorkerMessage hello;
  hello.mutable_hello()->set_name(name_);
  hello.mutable_hello()->set_attempt(attempt_);
  hello.mutable_hello()->set_pid(::getpid());
  hello.mutable_hello()->set_again(again);
  grpc::ClientContext* context = nullptr;
  {
    const std::lock_guard lock(mutex_);
    if (abandoned_) return grpc::Status::CANCELLED;
    context_ = std::make_unique<grpc::ClientContext>();
    context = context_.get();
    in_flight_ = 0;
    outcome_sent_ = attached_ = unreadable_ = false;
  }
  const auto stream = stub_->Attach(context);
  std::thread reader([&] { ReadLoop(*stream); });
  if (stream->Write(hello)) WriteLoop(*stream);
  stream->WritesDone();
  reader.join();
  return stream->Finish();
}

bool Session::Again(const grpc::Status& status, std::chrono::steady_clock::time_point alive_at) {
  std::unique_lock lock(mutex_);
  if (status.ok() || !surviving_ || abandoned_) return false;
  // The job has another worker, or needs none.
  if (status.error_code() == grpc::StatusCode::FAILED_PRECONDITION) return false;
  if (clock_() - alive_at > kWithoutServer) return false;
  if (!std::filesystem::exists(run_folder_)) return false;
  changed_.wait_for(lock, kBetweenTries, [this] { return abandoned_; });
  return !abandoned_;
}

void Session::Take(const worker::v1::Acknowledged& acknowledged) {
  surviving_ = true;
  while (!unacknowledged_.empty() && unacknowledged_.front().number() <= acknowledged.number()) {
    unacknowledged_.pop_front();
    if (in_flight_ > 0) --in_flight_;
  }
}

void Session::Stop(const worker::v1::ServerMessage& message) {
  if (message.has_pause()) {
    const std::lock_guard lock(mutex_);
    pause_reason_ = message.pause().reason();
  }
  if (message.pause().at_epoch_end()) {
    yielding_ = true;
    return;
  }
  // A cancellation that follows a pause has the last word.
  pausing_ = message.has_pause();
  stop_.request_stop();
}

void Session::EndEpoch() {
  if (!yielding_ || stop_.stop_requested()) return;
  pausing_ = true;
  stop_.request_stop();
}

std::string Session::pause_reason() const {
  const std::lock_guard lock(mutex_);
  return pause_reason_;
}

void Session::ReadLoop(Stream& stream) {
  worker::v1::ServerMessage message;
  while (stream.Read(&message)) {
    if (message.has_cancel() || message.has_pause()) {
      Stop(message);
      continue;
    }
    {
      const std::lock_guard lock(mutex_);
      attached_ = true;
      if (message.has_acknowledged()) {
        Take(message.acknowledged());
      } else {
        received_.push_back(message);
      }
    }
    changed_.notify_all();
  }
  {
    const std::lock_guard lock(mutex_);
    unreadable_ = true;
  }
  changed_.notify_all();
}

void Session::WriteLoop(Stream& stream) {
  while (auto message = TakeNext()) {
    if (!stream.Write(*message)) return;
  }
}

bool Session::MayReport() const {
  if (in_flight_ < unacknowledged_.size()) return true;
  return !facts_.empty() && unacknowledged_.size() < kMaxReportsInFlight;
}

std::optional<worker::v1::WorkerMessage> Session::TakeNext() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] {
    if (unreadable_ || abandoned_) return true;
    if (!attached_) return false;
    return MayReport() || !messages_.empty() || progress_ || (outcome_ && !outcome_sent_) ||
           closing_;
  });
  if (unreadable_ || abandoned_) return std::nullopt;
  worker::v1::WorkerMessage message;
  if (!messages_.empty()) {
    message = std::move(messages_.front());
    messages_.pop_front();
  } else if (MayReport()) {
    if (in_flight_ == unacknowledged_.size()) {
      worker::v1::TrainingReport& report = unacknowledged_.emplace_back();
      report.set_number(++last_number_);
      while (!facts_.empty() && report.facts_size() < static_cast<int>(kMaxFactsInReport)) {
        *report.add_facts() = std::move(facts_.front());
        facts_.pop_front();
      }
    }
    *message.mutable_report() = unacknowledged_[in_flight_++];
    changed_.notify_all();
  } else if (outcome_ && !outcome_sent_ && unacknowledged_.empty()) {
    message = *outcome_;
    outcome_sent_ = true;
  } else if (progress_) {
    *message.mutable_progress() = *std::exchange(progress_, std::nullopt);
  } else {
    return std::nullopt;
  }
  return message;
}

std::optional<worker::v1::ServerMessage> Session::Next() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return ended_ || !received_.empty(); });
  if (received_.empty()) return std::nullopt;
  worker::v1::ServerMessage message = std::move(received_.front());
  received_.pop_front();
  return message;
}

void Session::Report(worker::v1::TrainingFact fact) {
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] {
      return ended_ || facts_.size() < (attached_ ? kMaxWaitingFacts : kMaxKeptFacts);
    });
    facts_.push_back(std::move(fact));
  }
  changed_.notify_all();
}

void Session::Progress(const v1::TrainingProgress& progress) {
  {
    const std::lock_guard lock(mutex_);
    progress_ = progress;
  }
  changed_.notify_all();
}

void Session::Send(worker::v1::WorkerMessage message) {
  {
    const std::lock_guard lock(mutex_);
    messages_.push_back(std::move(message));
  }
  changed_.notify_all();
}

bool Session::Finish(const worker::v1::WorkerMessage& outcome) {
  {
    std::unique_lock lock(mutex_);
    progress_.reset();
    changed_.wait(lock, [this] { return ended_ || (facts_.empty() && unacknowledged_.empty()); });
    if (ended_) return false;
    outcome_ = outcome;
  }
  changed_.notify_all();
  return true;
}

grpc::Status Session::Close() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  changed_.notify_all();
  thread_.join();
  const std::lock_guard lock(mutex_);
  return status_;
}

}  // namespace trainyard::server

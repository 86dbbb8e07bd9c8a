#include "server/worker/session.h"

#include <unistd.h>

#include <utility>

#include "core/base/text.h"
#include "server/store/layout.h"

namespace trainyard::server {
namespace {

constexpr int kMaxMessageBytes = 64 << 20;
// Facts that may wait to be sent before training does.
constexpr std::size_t kMaxWaitingFacts = 4096;
// Facts that travel in one report.
constexpr std::size_t kMaxFactsInReport = 256;
// Reports that may be on their way at once.
constexpr std::int64_t kMaxReportsInFlight = 2;

std::shared_ptr<grpc::Channel> Connect(const std::filesystem::path& data_dir) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMaxMessageBytes);
  arguments.SetMaxSendMessageSize(kMaxMessageBytes);
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  arguments.SetInt(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1);
  const std::string socket = std::filesystem::absolute(Layout(data_dir).WorkerSocket()).string();
  return grpc::CreateCustomChannel(StrCat("unix:", socket), grpc::InsecureChannelCredentials(),
                                   arguments);
}

}  // namespace

Session::Session(const std::filesystem::path& data_dir, const std::string& name, int attempt)
    : stub_(worker::v1::WorkerService::NewStub(Connect(data_dir))),
      stream_(stub_->Attach(&context_)) {
  worker::v1::WorkerMessage hello;
  hello.mutable_hello()->set_name(name);
  hello.mutable_hello()->set_attempt(attempt);
  hello.mutable_hello()->set_pid(::getpid());
  messages_.push_back(std::move(hello));
  reader_ = std::thread([this] { ReadLoop(); });
  writer_ = std::thread([this] { WriteLoop(); });
}

Session::~Session() {
  context_.TryCancel();
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  changed_.notify_all();
  if (writer_.joinable()) writer_.join();
  if (reader_.joinable()) reader_.join();
}

bool Session::broken() const {
  const std::lock_guard lock(mutex_);
  return ended_;
}

void Session::ReadLoop() {
  worker::v1::ServerMessage message;
  while (stream_->Read(&message)) {
    if (message.has_cancel() || message.has_pause()) {
      // A cancellation that follows a pause has the last word.
      pausing_ = message.has_pause();
      stop_.request_stop();
      continue;
    }
    {
      const std::lock_guard lock(mutex_);
      if (message.has_acknowledged()) {
        reports_acknowledged_ = message.acknowledged().number();
      } else {
        received_.push_back(message);
      }
    }
    changed_.notify_all();
  }
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
  }
  changed_.notify_all();
  // Nobody would hear the result.
  stop_.request_stop();
}

void Session::WriteLoop() {
  while (auto message = TakeNext()) {
    if (!stream_->Write(*message)) break;
  }
  stream_->WritesDone();
}

std::optional<worker::v1::WorkerMessage> Session::TakeNext() {
  std::unique_lock lock(mutex_);
  const auto may_report = [this] {
    return !facts_.empty() && reports_sent_ - reports_acknowledged_ < kMaxReportsInFlight;
  };
  changed_.wait(
      lock, [&] { return ended_ || !messages_.empty() || may_report() || progress_ || closing_; });
  if (ended_) return std::nullopt;
  worker::v1::WorkerMessage message;
  if (!messages_.empty()) {
    message = std::move(messages_.front());
    messages_.pop_front();
  } else if (may_report()) {
    worker::v1::TrainingReport& report = *message.mutable_report();
    report.set_number(++reports_sent_);
    while (!facts_.empty() && report.facts_size() < static_cast<int>(kMaxFactsInReport)) {
      *report.add_facts() = std::move(facts_.front());
      facts_.pop_front();
    }
    changed_.notify_all();
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
    changed_.wait(lock, [this] { return ended_ || facts_.size() < kMaxWaitingFacts; });
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
    changed_.wait(lock, [this] {
      return ended_ || (facts_.empty() && reports_acknowledged_ == reports_sent_);
    });
    if (ended_) return false;
  }
  Send(outcome);
  return true;
}

grpc::Status Session::Close() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  changed_.notify_all();
  writer_.join();
  reader_.join();
  return stream_->Finish();
}

}  // namespace trainyard::server

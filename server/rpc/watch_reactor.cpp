#include "server/rpc/watch_reactor.h"

#include <utility>
#include <vector>

#include "server/convert/status.h"

namespace trainyard::server {
namespace {

constexpr int kReadAhead = 64;
constexpr std::chrono::milliseconds kBetweenProgress{250};

}  // namespace

void WatchContext::Drain() {
  std::vector<std::shared_ptr<WatchReactor>> reactors;
  draining_ = true;
  {
    const std::lock_guard lock(mutex_);
    reactors.assign(reactors_.begin(), reactors_.end());
  }
  for (const auto& reactor : reactors) stepper.Wake(reactor);
}

WatchReactor* WatchReactor::Start(WatchContext& context, grpc::CallbackServerContext* call,
                                  absl::StatusOr<Admission> admission,
                                  std::unique_ptr<WatchSource> source) {
  auto reactor =
      std::make_shared<WatchReactor>(context, call, std::move(admission), std::move(source));
  {
    const std::lock_guard lock(context.mutex_);
    context.reactors_.insert(reactor);
  }
  context.stepper.AddTicking(reactor);
  reactor->Wake();
  return reactor.get();
}

void WatchReactor::Wake() { context_.stepper.Wake(shared_from_this()); }

// What was there before the watcher came is late for no fault of ours.
void WatchReactor::TellLag(Clock::time_point published) const {
  if (!context_.on_delivered || published < begin_) return;
  context_.on_delivered(std::chrono::duration<double>(Clock::now() - published).count());
}

void WatchReactor::OnWriteDone(bool ok) {
  Clock::time_point published;
  bool goes_on = false;
  {
    const std::lock_guard lock(mutex_);
    published = in_flight_published_;
    broken_ = broken_ || !ok;
    goes_on = !broken_ && !ahead_.empty() && !context_.draining() && !Revoked();
    writing_ = goes_on;
  }
  if (ok) TellLag(published);
  if (goes_on) return SendAhead();
  Wake();
}

void WatchReactor::OnCancel() {
  {
    const std::lock_guard lock(mutex_);
    broken_ = true;
  }
  Wake();
}

void WatchReactor::OnDone() {
  {
    // After End, which gRPC itself sees to; ThreadSanitizer does not see gRPC.
    const std::lock_guard lock(mutex_);
  }
  const auto self = shared_from_this();
  context_.stepper.RemoveTicking(self);
  const std::lock_guard lock(context_.mutex_);
  context_.reactors_.erase(self);
}

void WatchReactor::OnEvents() { Wake(); }

void WatchReactor::OnProgress(const WireMessage& progress) {
  {
    const std::lock_guard lock(mutex_);
    progress_ = progress;
  }
  Wake();
}

void WatchReactor::Step() {
  bool broken = false;
  {
    const std::lock_guard lock(mutex_);
    if (finished_) return;
    broken = broken_;
    if (writing_ && !broken) {
      if (!DropStalled()) return;
    }
    if (writing_) return;
  }
  if (broken) return End(grpc::Status::CANCELLED);
  if (Revoked()) return End(ToGrpcStatus(CheckStillAdmitted(admission_->caller)));
  if (context_.draining()) return End(ToGrpcStatus(source_->ShuttingDown()));
  if (!open_) {
    Open();
  } else {
    SendNext();
  }
}

bool WatchReactor::Revoked() const {
  return admission_.ok() && !CheckStillAdmitted(admission_->caller).ok();
}

// Called with the mutex held while a write is in flight; TryCancel only posts.
bool WatchReactor::DropStalled() {
  if (Clock::now() - last_write_ < context_.times.stalled_after) return false;
  call_->TryCancel();
  return true;
}

void WatchReactor::Open() {
  if (auto status = source_->Open(shared_from_this()); !status.ok()) {
    return End(ToGrpcStatus(status));
  }
  open_ = true;
  SendNext();
}

void WatchReactor::SendNext() {
  if (ahead_.empty()) {
    auto batch = source_->Fetch(kReadAhead);
    if (!batch.ok()) return End(ToGrpcStatus(batch.status()));
    if (batch->ended) return End(grpc::Status::OK);
    // Others first: a long log is looked at in many steps.
    if (batch->more) return Wake();
    ahead_.assign(batch->messages.begin(), batch->messages.end());
  }
  if (!ahead_.empty()) return SendAhead();
  if (const auto offer = NextOffer()) Send(*offer);
}

void WatchReactor::SendAhead() {
  const WireMessage next = std::move(ahead_.front());
  ahead_.pop_front();
  source_->Sent(next);
  Send(next);
}

// What an idle stream may send beside events: progress that was asked for, or
// a bookmark.
std::optional<WireMessage> WatchReactor::NextOffer() {
  const auto now = Clock::now();
  const std::lock_guard lock(mutex_);
  if (!source_->wants_progress()) progress_.reset();
  if (progress_ && now - last_progress_ >= kBetweenProgress) {
    last_progress_ = now;
    return std::exchange(progress_, std::nullopt);
  }
  if (now - last_write_ >= context_.times.bookmark_after) return source_->Bookmark();
  return std::nullopt;
}

void WatchReactor::Send(const WireMessage& message) {
  in_flight_ = grpc::ByteBuffer(&message.bytes, 1);
  {
    const std::lock_guard lock(mutex_);
    in_flight_published_ = message.published;
    last_write_ = Clock::now();
    writing_ = true;
  }
  StartWrite(&in_flight_);
}

void WatchReactor::End(const grpc::Status& status) {
  {
    const std::lock_guard lock(mutex_);
    finished_ = true;
  }
  source_->Close(shared_from_this());
  Finish(status);
}

}  // namespace trainyard::server

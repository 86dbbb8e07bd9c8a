#include "server/serving/frame_channel.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <utility>
#include <vector>

#include "core/base/error.h"
#include "core/base/text.h"

namespace trainyard::server {
namespace {

// Requests that may wait: those of one batch's rows are answered together, and
// more clients than this are not served any sooner by waiting here.
constexpr std::size_t kMaxWaiting = 4096;
constexpr int kBacklog = 4;

absl::Status WorkerGone() {
  return MakeError(absl::StatusCode::kUnavailable, {"PREDICTOR_LOST", "", {}},
                   "the process that predicts has ended; try again");
}

absl::Status TooMany() {
  return MakeError(absl::StatusCode::kResourceExhausted, {"TOO_MANY_INFERENCES", "", {}},
                   StrCat("more than ", kMaxWaiting, " requests wait already; try again later"));
}

absl::StatusOr<Descriptor> ListenOn(const std::filesystem::path& path) {
  std::error_code ignored;
  std::filesystem::remove(path, ignored);
  Descriptor listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  // Layout::Create has seen to its length.
  std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
  if (listener.is_open() &&
      ::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 &&
      ::listen(listener.get(), kBacklog) == 0) {
    return listener;
  }
  return absl::UnavailableError(StrCat("cannot listen on ", path.string(), ": ", strerror(errno)));
}

void AnswerAll(std::unordered_map<std::uint64_t, FrameChannel::Answered> waiting,
               const absl::Status& status) {
  for (auto& [id, answered] : waiting) answered(status);
}

}  // namespace

absl::StatusOr<std::unique_ptr<FrameChannel>> FrameChannel::Listen(
    const std::filesystem::path& socket) {
  auto listener = ListenOn(socket);
  if (!listener.ok()) return listener.status();
  Descriptor wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake.is_open()) return absl::UnavailableError("no more descriptors");
  return std::unique_ptr<FrameChannel>(new FrameChannel(*std::move(listener), std::move(wake)));
}

FrameChannel::FrameChannel(Descriptor listener, Descriptor wake)
    : listener_(std::move(listener)), wake_(std::move(wake)), thread_([this] { Run(); }) {}

FrameChannel::~FrameChannel() {
  closing_ = true;
  Wake();
  thread_.join();
  Disconnect(WorkerGone());
}

void FrameChannel::Wake() {
  const std::uint64_t one = 1;
  // Where the counter is full, the thread is awake already.
  [[maybe_unused]] const ssize_t written = ::write(wake_.get(), &one, sizeof(one));
}

void FrameChannel::Send(OutgoingFrame request, Answered answered) {
  {
    std::unique_lock lock(mutex_);
    if (waiting_.size() >= kMaxWaiting) {
      lock.unlock();
      return answered(TooMany());
    }
    request.header.id = ++last_id_;
    waiting_.emplace(request.header.id, std::move(answered));
  }
  {
    const std::lock_guard lock(write_mutex_);
    outbox_.push_back(std::move(request));
  }
  Flush();
}

void FrameChannel::Flush() {
  Waiting lost;
  {
    const std::lock_guard lock(write_mutex_);
    while (connection_.is_open() && !broken_ && !outbox_.empty()) {
      const auto sent = SendSome(connection_.get(), outbox_.front());
      if (!sent.ok()) {
        lost = Break();
        break;
      }
      if (!*sent) return Wake();
      outbox_.pop_front();
    }
  }
  AnswerAll(std::move(lost), WorkerGone());
}

FrameChannel::Waiting FrameChannel::Break() {
  // The channel's thread may be reading: it sees the end, and closes.
  if (connection_.is_open()) {
    ::shutdown(connection_.get(), SHUT_RDWR);
    broken_ = true;
  }
  outbox_.clear();
  const std::lock_guard lock(mutex_);
  return std::exchange(waiting_, {});
}

void FrameChannel::Disconnect(const absl::Status& status) {
  Waiting lost;
  {
    const std::lock_guard lock(write_mutex_);
    lost = Break();
  }
  AnswerAll(std::move(lost), status);
  if (!closing_) Wake();
}

void FrameChannel::Accept() {
  Descriptor accepted(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!accepted.is_open()) return;
  reader_ = std::make_unique<FrameReader>(accepted.get());
  {
    const std::lock_guard lock(write_mutex_);
    connection_ = std::move(accepted);
    broken_ = false;
  }
  Flush();
}

void FrameChannel::Take(Frame answer) {
  Answered answered;
  {
    const std::lock_guard lock(mutex_);
    const auto found = waiting_.find(answer.header.id);
    if (found == waiting_.end()) return;
    answered = std::move(found->second);
    waiting_.erase(found);
  }
  answered(std::move(answer));
}

void FrameChannel::Receive() {
  if (reader_->Read([this](Frame answer) { Take(std::move(answer)); })) return;
  Waiting lost;
  {
    const std::lock_guard lock(write_mutex_);
    // Where it was broken, those who waited have heard, and what waits now is for
    // the next worker.
    if (!broken_) lost = Break();
    connection_ = Descriptor();
    broken_ = false;
  }
  reader_.reset();
  AnswerAll(std::move(lost), WorkerGone());
}

void FrameChannel::Run() {
  while (!closing_) {
    std::array<pollfd, 3> events = {pollfd{wake_.get(), POLLIN, 0},
                                    pollfd{listener_.get(), POLLIN, 0}, pollfd{-1, POLLIN, 0}};
    {
      const std::lock_guard lock(write_mutex_);
      if (reader_ != nullptr) events[2].fd = connection_.get();
      if (!outbox_.empty()) events[2].events |= POLLOUT;
    }
    if (::poll(events.data(), events.size(), -1) < 0) continue;
    std::uint64_t count = 0;
    if (events[0].revents != 0) {
      [[maybe_unused]] const ssize_t got = ::read(wake_.get(), &count, sizeof(count));
    }
    if ((events[2].revents & POLLOUT) != 0) Flush();
    if (events[2].revents != 0) Receive();
    if (events[1].revents != 0) Accept();
  }
}

}  // namespace trainyard::server

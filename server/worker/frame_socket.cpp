#include "server/worker/frame_socket.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "server/convert/status.h"

namespace trainyard::server {
namespace {

Descriptor ConnectTo(const std::filesystem::path& path) {
  Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
  if (socket.is_open() &&
      ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) {
    return socket;
  }
  return {};
}

}  // namespace

FrameSocket::FrameSocket(const std::filesystem::path& path)
    : socket_(ConnectTo(path)), reader_(socket_.get()) {}

bool FrameSocket::Read(int milliseconds, const std::function<void(Frame)>& take) {
  pollfd event{socket_.get(), POLLIN, 0};
  const int ready = ::poll(&event, 1, milliseconds);
  if (ready < 0) return errno == EINTR;
  return ready == 0 || reader_.Read(take);
}

void FrameSocket::Send(OutgoingFrame frame) {
  const std::lock_guard lock(write_mutex_);
  while (true) {
    const auto sent = SendSome(socket_.get(), frame);
    if (!sent.ok() || *sent) return;
    pollfd event{socket_.get(), POLLOUT, 0};
    ::poll(&event, 1, -1);
  }
}

void FrameSocket::SendFile(std::uint64_t id, const Descriptor& file) {
  OutgoingFrame answer;
  answer.header.kind = FrameKind::kAnswer;
  answer.header.id = id;
  answer.file = file.get();
  Send(std::move(answer));
}

void FrameSocket::SendError(std::uint64_t id, const absl::Status& error) {
  const std::string body = ToRpcStatus(error).SerializeAsString();
  OutgoingFrame answer;
  answer.header.kind = FrameKind::kFailed;
  answer.header.id = id;
  answer.body = {reinterpret_cast<const std::uint8_t*>(body.data()), body.size()};
  Send(std::move(answer));
}

void FrameSocket::Shutdown() {
  if (is_open()) ::shutdown(socket_.get(), SHUT_RDWR);
}

}  // namespace trainyard::server

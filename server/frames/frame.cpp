#include "server/frames/frame.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "core/base/error.h"

namespace trainyard::server {
namespace {

// What small frames are gathered in.
constexpr std::size_t kBufferBytes = 64 << 10;
// Far above what either side sends.
constexpr std::uint32_t kMaxKeyBytes = 1 << 20;
constexpr std::uint64_t kMaxBodyBytes = std::uint64_t{1} << 30;

// Room for one descriptor beside a message.
union FileRoom {
  cmsghdr header;
  std::array<char, CMSG_SPACE(sizeof(int))> bytes;
};

void AttachFile(int file, FileRoom& room, msghdr& message) {
  message.msg_control = room.bytes.data();
  message.msg_controllen = room.bytes.size();
  cmsghdr* const header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  std::memcpy(CMSG_DATA(header), &file, sizeof(int));
}

// The parts of a frame that are not sent yet.
std::array<iovec, 3> RestOf(OutgoingFrame& frame) {
  const std::array<std::span<const char>, 3> parts = {
      std::span(reinterpret_cast<const char*>(&frame.header), sizeof(FrameHeader)),
      std::span<const char>(frame.key),
      std::span(reinterpret_cast<const char*>(frame.body.data()), frame.body.size())};
  std::array<iovec, 3> rest{};
  std::uint64_t skip = frame.sent;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const std::size_t skipped = std::min<std::uint64_t>(skip, parts[i].size());
    skip -= skipped;
    // sendmsg's iovec is not const, and is not written through.
    rest[i] = {const_cast<char*>(parts[i].data()) + skipped, parts[i].size() - skipped};
  }
  return rest;
}

}  // namespace

absl::StatusOr<bool> SendSome(int socket, OutgoingFrame& frame) {
  frame.header.key_bytes = static_cast<std::uint32_t>(frame.key.size());
  frame.header.body_bytes = frame.body.size();
  frame.header.has_file = frame.file >= 0 ? 1 : 0;
  const std::uint64_t size = sizeof(FrameHeader) + frame.key.size() + frame.body.size();
  while (frame.sent < size) {
    auto rest = RestOf(frame);
    msghdr message{};
    message.msg_iov = rest.data();
    message.msg_iovlen = rest.size();
    FileRoom room{};
    if (frame.sent == 0 && frame.file >= 0) AttachFile(frame.file, room, message);
    const ssize_t sent = ::sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return false;
    if (sent < 0) return absl::UnavailableError("the other side is gone");
    frame.sent += static_cast<std::uint64_t>(sent);
  }
  return true;
}

FrameReader::FrameReader(int socket)
    : socket_(socket), buffer_(std::make_unique<std::uint8_t[]>(kBufferBytes)) {}

std::int64_t FrameReader::Receive(std::span<std::uint8_t> to) {
  iovec part{to.data(), to.size()};
  FileRoom room{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = room.bytes.data();
  message.msg_controllen = room.bytes.size();
  ssize_t received = 0;
  do {
    received = ::recvmsg(socket_, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  } while (received < 0 && errno == EINTR);
  if (received < 0) return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -1;
  if (received == 0) return -1;
  for (cmsghdr* one = CMSG_FIRSTHDR(&message); one != nullptr; one = CMSG_NXTHDR(&message, one)) {
    if (one->cmsg_level != SOL_SOCKET || one->cmsg_type != SCM_RIGHTS) continue;
    int file = -1;
    std::memcpy(&file, CMSG_DATA(one), sizeof(int));
    files_.emplace_back(file);
  }
  return received;
}

// Header and key come whole or not at all.
bool FrameReader::Begin() {
  FrameHeader& header = frame_.header;
  if (end_ - begin_ < sizeof(header)) return false;
  std::memcpy(static_cast<void*>(&header), buffer_.get() + begin_, sizeof(header));
  if (header.key_bytes > kMaxKeyBytes || header.body_bytes > kMaxBodyBytes ||
      sizeof(header) + header.key_bytes > kBufferBytes) {
    broken_ = true;
    return false;
  }
  if (end_ - begin_ < sizeof(header) + header.key_bytes) return false;
  begin_ += sizeof(header);
  frame_.key.assign(reinterpret_cast<const char*>(buffer_.get()) + begin_, header.key_bytes);
  begin_ += header.key_bytes;
  frame_.body = std::make_unique_for_overwrite<std::uint8_t[]>(header.body_bytes);
  body_filled_ = 0;
  return begun_ = true;
}

bool FrameReader::Fill() {
  if (!begun_ && !Begin()) return false;
  const std::size_t count =
      std::min<std::uint64_t>(end_ - begin_, frame_.header.body_bytes - body_filled_);
  if (count > 0) std::memcpy(frame_.body.get() + body_filled_, buffer_.get() + begin_, count);
  begin_ += count;
  body_filled_ += count;
  return body_filled_ == frame_.header.body_bytes;
}

bool FrameReader::Read(const std::function<void(Frame)>& take) {
  while (true) {
    while (Fill()) {
      if (frame_.header.has_file != 0) {
        if (files_.empty()) return false;
        frame_.file = std::move(files_.front());
        files_.pop_front();
      }
      begun_ = false;
      take(std::exchange(frame_, Frame{}));
    }
    if (broken_) return false;
    std::int64_t received = 0;
    if (begun_ && frame_.header.body_bytes - body_filled_ >= kBufferBytes) {
      // The buffer is empty: a large body goes where it belongs.
      received =
          Receive({frame_.body.get() + body_filled_, frame_.header.body_bytes - body_filled_});
      if (received > 0) body_filled_ += static_cast<std::uint64_t>(received);
    } else {
      std::memmove(buffer_.get(), buffer_.get() + begin_, end_ - begin_);
      end_ -= std::exchange(begin_, 0);
      received = Receive({buffer_.get() + end_, kBufferBytes - end_});
      if (received > 0) end_ += static_cast<std::size_t>(received);
    }
    if (received <= 0) return received == 0;
  }
}

}  // namespace trainyard::server

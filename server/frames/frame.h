// What the server and the worker that serves models say to each other over a
// Unix socket of their own: rows and answers as raw bytes, so that neither side
// takes a number apart. Both are of one build; nothing of this is kept.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "server/frames/descriptor.h"

namespace trainyard::server {

enum class FrameKind : std::uint32_t {
  // Key: a worker.v1.Model; body: rows x inputs raw features of a RowType.
  kInfer = 1,
  // Key: a worker.v1.ExportTask.
  kExport,
  // Of kInfer: rows x outputs float32, then, for classification, rows classes as
  // int64. Of kExport: nothing, and the file.
  kAnswer,
  // Body: a google.rpc.Status.
  kFailed,
};

// How a row's features are encoded; little-endian.
enum class RowType : std::uint32_t { kUint8 = 1, kFloat32, kFloat64 };

constexpr std::size_t BytesOf(RowType type) {
  return type == RowType::kUint8 ? 1 : type == RowType::kFloat32 ? 4 : 8;
}

// As it is on the wire, before the key and the body.
struct FrameHeader {
  FrameKind kind{};
  RowType type{};
  // Chosen by the server; an answer has its request's.
  std::uint64_t id = 0;
  std::uint64_t rows = 0;
  std::uint64_t body_bytes = 0;
  std::uint32_t key_bytes = 0;
  // Whether a file comes with it.
  std::uint32_t has_file = 0;
  // Of an answer to kInfer: rows that were computed together; batches that are to
  // be counted with this answer, others being counted with another's; the time
  // from the request's arrival to the computation's begin, and that of the
  // computation.
  std::uint64_t batch_rows = 0;
  std::uint64_t batches = 0;
  std::uint64_t wait_nanos = 0;
  std::uint64_t compute_nanos = 0;
};

// A frame that has been received.
struct Frame {
  FrameHeader header;
  std::string key;
  std::unique_ptr<std::uint8_t[]> body;
  Descriptor file;

  std::span<const std::uint8_t> bytes() const { return {body.get(), header.body_bytes}; }
};

// A frame to be sent. Refers to its body and, where it has one, its file.
struct OutgoingFrame {
  FrameHeader header;
  std::string key;
  std::span<const std::uint8_t> body;
  // What the body is in; kept until it is sent.
  std::shared_ptr<const void> owner;
  int file = -1;
  // Bytes of it that are sent.
  std::uint64_t sent = 0;
};

// Sends what the socket takes now. True once the frame is sent whole. Errors:
// UNAVAILABLE where the other side is gone.
absl::StatusOr<bool> SendSome(int socket, OutgoingFrame& frame);

// Receives frames from a socket that does not block. One thread.
class FrameReader {
 public:
  explicit FrameReader(int socket);

  // Takes in what has arrived, and passes on each whole frame. False where the
  // stream has ended, or is not of frames.
  bool Read(const std::function<void(Frame)>& take);

 private:
  // Bytes received into `to`; 0 where there are none now, -1 at the end.
  std::int64_t Receive(std::span<std::uint8_t> to);
  // Takes bytes off the buffer: whether the frame in progress is whole.
  bool Fill();
  bool Begin();

  const int socket_;
  std::unique_ptr<std::uint8_t[]> buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  // The frame in progress.
  Frame frame_;
  bool begun_ = false;
  bool broken_ = false;
  std::uint64_t body_filled_ = 0;
  // Files received for frames that are not whole yet.
  std::deque<Descriptor> files_;
};

}  // namespace trainyard::server

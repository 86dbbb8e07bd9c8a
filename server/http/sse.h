// Server-Sent Events, as the HTML standard has them.
#pragma once

#include <google/protobuf/message.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/status.h>

#include <array>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "server/http/route_table.h"
#include "server/http/uri.h"

namespace trainyard::server {

// Begins every stream: how long a browser waits before it comes back.
std::string SseOpening();
// One event; a line for what is not empty. `data` has no line breaks.
std::string SseFrame(std::string_view id, std::string_view event, std::string_view data);
// What ends a stream: `end` where all is said, `error` with the Status else.
std::string SseEnding(const grpc::Status& status);

// A message of a stream as an event: `id` is its cursor (its field `cursor`, or
// the `sequence` of what it holds), `event` the name of what it holds, `data` all
// of it in JSON.
std::string SseEvent(const google::protobuf::Message& message);

// Puts what a browser sends as Last-Event-ID where the query has its cursor.
void ResumeFrom(const Route& route, std::string_view last_event_id, Query& query);

// The newest frames, by the bytes that they were made of: watchers of the same
// events share what was made for the first of them. Bounded; any thread.
class SseFrames {
 public:
  using Frame = std::shared_ptr<const std::string>;

  // The frame of a message of `type`.
  Frame Get(const google::protobuf::Descriptor& type, const grpc::ByteBuffer& bytes);

 private:
  struct Entry {
    const google::protobuf::Descriptor* type = nullptr;
    std::string bytes;
    Frame frame;
  };
  static constexpr std::size_t kEntries = 256;

  std::mutex mutex_;
  std::array<Entry, kEntries> entries_;  // by hash; guarded by mutex_
};

}  // namespace trainyard::server

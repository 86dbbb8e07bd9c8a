#include "server/http/sse.h"

#include <functional>

#include "core/base/text.h"
#include "server/http/response.h"
#include "server/http/transcode.h"

namespace trainyard::server {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

constexpr int kRetryMilliseconds = 1000;
// Larger messages are not worth to keep.
constexpr std::size_t kCachedBytes = 4 << 10;

// What a message holds: the member of its oneof that is set, if it has one.
const FieldDescriptor* HeldField(const Message& message) {
  const Descriptor& type = *message.GetDescriptor();
  if (type.real_oneof_decl_count() == 0) return nullptr;
  return message.GetReflection()->GetOneofFieldDescriptor(message, type.oneof_decl(0));
}

// Nothing where a message does not move the cursor.
std::string CursorOf(const Message& message, const FieldDescriptor* held) {
  const auto* cursor = message.GetDescriptor()->FindFieldByName("cursor");
  if (cursor != nullptr) return message.GetReflection()->GetString(message, cursor);
  if (held == nullptr || held->message_type() == nullptr) return "";
  const auto* sequence = held->message_type()->FindFieldByName("sequence");
  if (sequence == nullptr) return "";
  const Message& inner = message.GetReflection()->GetMessage(message, held);
  return StrCat(inner.GetReflection()->GetInt64(inner, sequence));
}

}  // namespace

std::string SseOpening() { return StrCat("retry: ", kRetryMilliseconds, "\n\n"); }

std::string SseFrame(std::string_view id, std::string_view event, std::string_view data) {
  std::string frame;
  if (!id.empty()) frame += StrCat("id: ", id, "\n");
  if (!event.empty()) frame += StrCat("event: ", event, "\n");
  return StrCat(frame, "data: ", data, "\n\n");
}

std::string SseEnding(const grpc::Status& status) {
  if (status.ok()) return SseFrame("", "end", "{}");
  return SseFrame("", "error", ErrorJson(HttpStatusOf(status.error_code()), status));
}

std::string SseEvent(const Message& message) {
  const FieldDescriptor* held = HeldField(message);
  return SseFrame(CursorOf(message, held), held == nullptr ? "" : held->name(), ToJson(message));
}

void ResumeFrom(const Route& route, std::string_view last_event_id, Query& query) {
  if (last_event_id.empty()) return;
  for (const char* field : {"cursor", "after_sequence"}) {
    const auto* found = route.method->input_type()->FindFieldByName(field);
    if (found == nullptr) continue;
    std::erase_if(query, [&](const auto& pair) { return pair.first == found->camelcase_name(); });
    return Replace(query, field, last_event_id);
  }
}

SseFrames::Frame SseFrames::Get(const Descriptor& type, const grpc::ByteBuffer& buffer) {
  std::string bytes = ToString(buffer);
  Entry& entry = entries_[std::hash<std::string>{}(bytes) % kEntries];
  {
    const std::lock_guard lock(mutex_);
    if (entry.type == &type && entry.bytes == bytes) return entry.frame;
  }
  const auto message = NewMessage(type);
  message->ParseFromString(bytes);
  auto frame = std::make_shared<const std::string>(SseEvent(*message));
  if (bytes.size() > kCachedBytes) return frame;
  const std::lock_guard lock(mutex_);
  entry = {&type, std::move(bytes), frame};
  return frame;
}

}  // namespace trainyard::server

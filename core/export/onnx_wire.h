// The bytes of protocol buffers, as far as ONNX needs them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/export/export.h"

namespace trainyard {

// A message being written, field after field: a key, which is the field's number
// with how it is encoded, and the value. Large values are referred to, so that
// nothing of their size is copied.
class WireMessage {
 public:
  WireMessage& Varint(int field, std::uint64_t value);
  WireMessage& Text(int field, std::string_view value);
  // `bytes` must outlive the message.
  WireMessage& Borrowed(int field, std::span<const std::uint8_t> bytes);
  WireMessage& Message(int field, WireMessage value);

  std::uint64_t size() const { return size_; }
  absl::Status WriteTo(const ByteSink& sink) const;

 private:
  using Piece = std::variant<std::string, std::span<const std::uint8_t>>;

  void Key(int field, int encoding);
  void Number(std::uint64_t value);
  void Append(std::string_view bytes);

  std::vector<Piece> pieces_;
  std::uint64_t size_ = 0;
};

}  // namespace trainyard

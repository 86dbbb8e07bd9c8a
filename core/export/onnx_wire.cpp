#include "core/export/onnx_wire.h"

#include <utility>

namespace trainyard {
namespace {

// How a value is encoded.
constexpr int kVarint = 0;
constexpr int kLengthAndBytes = 2;

}  // namespace

void WireMessage::Append(std::string_view bytes) {
  if (pieces_.empty() || !std::holds_alternative<std::string>(pieces_.back())) {
    pieces_.emplace_back(std::string());
  }
  std::get<std::string>(pieces_.back()) += bytes;
  size_ += bytes.size();
}

// Seven bits a byte, the lowest first; all but the last have the eighth bit.
void WireMessage::Number(std::uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes += static_cast<char>((value & 0x7f) | 0x80);
  bytes += static_cast<char>(value);
  Append(bytes);
}

void WireMessage::Key(int field, int encoding) {
  Number(static_cast<std::uint64_t>(field) << 3 | static_cast<std::uint64_t>(encoding));
}

WireMessage& WireMessage::Varint(int field, std::uint64_t value) {
  Key(field, kVarint);
  Number(value);
  return *this;
}

WireMessage& WireMessage::Text(int field, std::string_view value) {
  Key(field, kLengthAndBytes);
  Number(value.size());
  Append(value);
  return *this;
}

WireMessage& WireMessage::Borrowed(int field, std::span<const std::uint8_t> bytes) {
  Key(field, kLengthAndBytes);
  Number(bytes.size());
  pieces_.emplace_back(bytes);
  size_ += bytes.size();
  return *this;
}

WireMessage& WireMessage::Message(int field, WireMessage value) {
  Key(field, kLengthAndBytes);
  Number(value.size_);
  for (Piece& piece : value.pieces_) pieces_.push_back(std::move(piece));
  size_ += value.size_;
  return *this;
}

absl::Status WireMessage::WriteTo(const ByteSink& sink) const {
  for (const Piece& piece : pieces_) {
    absl::Status status = std::visit(
        [&](const auto& bytes) {
          return sink({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
        },
        piece);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace trainyard

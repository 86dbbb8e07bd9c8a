// Text built from pieces.
#pragma once

#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace trainyard {

// absl::string_view and std::string_view are one type in some builds of abseil
// and two in others; this serves both.
inline absl::string_view AsAbsl(std::string_view text) { return {text.data(), text.size()}; }

// absl::StrCat that takes std::string_view too.
template <typename... Pieces>
std::string StrCat(const Pieces&... pieces) {
  const auto adapt = [](const auto& piece) -> decltype(auto) {
    if constexpr (std::is_same_v<std::decay_t<decltype(piece)>, std::string_view>) {
      return AsAbsl(piece);
    } else {
      return (piece);
    }
  };
  return absl::StrCat(adapt(pieces)...);
}

// The pieces between separators; n separators make n + 1 pieces.
inline std::vector<std::string_view> Split(std::string_view text, char separator) {
  std::vector<std::string_view> pieces;
  while (true) {
    const auto end = text.find(separator);
    pieces.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return pieces;
    text.remove_prefix(end + 1);
  }
}

}  // namespace trainyard

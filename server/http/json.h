// JSON that a client sent.
#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

namespace trainyard::server {

// As deep as protobuf's own reader goes.
inline constexpr int kMaxJsonDepth = 100;

// A discarded value where `text` is no JSON, or nests deeper than kMaxJsonDepth, so that
// who walks a value may recurse.
nlohmann::json ParseJson(std::string_view text);

}  // namespace trainyard::server

// What one client of the gateway may take.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace trainyard::server {

// For Beast, whose parser takes `none` for a limit of nothing.
inline constexpr std::uint64_t kNoLimit = std::numeric_limits<std::uint64_t>::max();

struct HttpLimits {
  std::uint32_t header_bytes = 16 << 10;
  // Of JSON; uploads are streamed and bounded by what they write to.
  std::uint64_t body_bytes = 16 << 20;
  // Of a model's inputs, as over gRPC.
  std::uint64_t model_body_bytes = 64 << 20;
  std::size_t connections = 20'000;
  // From one address, behind which there may be a class: some six for each page.
  std::size_t connections_of_one = 4'000;
  // Until a request's head is there, from the connection's begin or the answer
  // before.
  std::chrono::milliseconds idle{75'000};
  // Until a body of JSON, or the next bytes of an upload, are there.
  std::chrono::milliseconds body{60'000};
  // Until an answer, or what is in flight of a stream, is taken.
  std::chrono::milliseconds write{120'000};
  // What is left of a body that nobody wants is taken and thrown away for so long.
  std::chrono::milliseconds linger{5'000};
};

}  // namespace trainyard::server

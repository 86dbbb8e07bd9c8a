// Downloads one file.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "absl/status/status.h"

namespace trainyard::client {

struct DownloadOptions {
  // A server that sends more is cut off.
  std::int64_t max_bytes = 64 << 20;
  std::chrono::seconds connect_timeout{10};
  // Less than a kilobyte a second for this long is a stall.
  std::chrono::seconds stall_timeout{30};
  std::chrono::seconds total_timeout{600};
  // Bytes so far, and the bytes there are or 0.
  std::function<void(std::int64_t done, std::int64_t total)> progress;
};

// Fetches `url` over HTTP or HTTPS to `file`, which is overwritten. On an error
// no file is left. Errors: UNAVAILABLE with the URL and what went wrong.
absl::Status Download(const std::string& url, const std::filesystem::path& file,
                      const DownloadOptions& options = {});

}  // namespace trainyard::client

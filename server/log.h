// The process's log: lines on standard error, for people or as JSON.
#pragma once

#include <string>

#include "absl/status/status.h"

namespace trainyard::server {

struct LogOptions {
  // "text", or "json": one object a line with time, level and message.
  std::string format = "text";
  // As spdlog names them: debug, info, warning, error.
  std::string level = "info";
};

// Makes it the default logger. Before there are threads.
void StartLog(const LogOptions& options);

// Any thread.
void SetLogLevel(const std::string& level);

}  // namespace trainyard::server

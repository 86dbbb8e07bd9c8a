// How often models were used, and how long that took.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "inference/inference.pb.h"
#include "server/frames/frame.h"

namespace trainyard::server {

// Since the server started. Any thread.
class StatisticsLog {
 public:
  using Duration = std::chrono::nanoseconds;

  void Succeeded(const std::string& name, const std::string& version, const FrameHeader& answer,
                 Duration whole);
  void Failed(const std::string& name, const std::string& version, Duration whole);

  // What is known of the models that `wanted` accepts.
  template <typename Wanted>
  void Read(Wanted wanted, inference::ModelStatisticsResponse& response) {
    const std::lock_guard lock(mutex_);
    for (const auto& [key, statistics] : models_) {
      if (wanted(statistics)) *response.add_model_stats() = statistics;
    }
  }

 private:
  inference::ModelStatistics* Of(const std::string& name, const std::string& version);

  std::mutex mutex_;
  std::map<std::pair<std::string, std::string>, inference::ModelStatistics>
      models_;  // guarded by mutex_
};

}  // namespace trainyard::server

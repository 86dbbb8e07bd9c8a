// How often codes that let nobody join are tried, by where they come from.
#pragma once

#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "absl/status/status.h"

namespace trainyard::server {

// A code has 60 random bits and is not found by trying; this keeps whoever tries
// anyway from keeping the server busy. Counts in memory. Any thread.
class GuessLimits {
 public:
  // Wrong codes from one address: at once, as a class behind one address mistypes, and
  // how many a second after that.
  static constexpr double kAtOnce = 60;
  static constexpr double kPerSecond = 0.5;

  // One try from `address`, which counts until it is given back. `now` in seconds, of
  // any clock that does not go back. Errors: RESOURCE_EXHAUSTED.
  absl::Status Take(const std::string& address, double now);
  // It was right, or not a guess.
  void GiveBack(const std::string& address);

 private:
  struct Bucket {
    double tries = kAtOnce;
    double time = 0;
  };

  // Called with the mutex held: those that would be full by now say nothing.
  void Forget(double now);

  std::mutex mutex_;
  std::unordered_map<std::string, Bucket> buckets_;  // by address; guarded by mutex_
};

}  // namespace trainyard::server

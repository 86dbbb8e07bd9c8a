// What users have had of the machine lately.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/store/store.h"

namespace trainyard::server {

// CPU seconds: slots held x seconds held, where a job of N threads counts as N.
// Times are seconds since 1970, UTC.
struct Usage {
  // After an hour half of it is forgotten: a lab session. Who filled the machine
  // this morning is not behind this evening; who filled it ten minutes ago is.
  static constexpr double kHalfLife = 3600;

  // As of `time`.
  double decayed = 0;
  double time = 0;
  // Since midnight UTC of `day`, in days since 1970.
  double today = 0;
  std::int64_t day = 0;

  double DecayedAt(double now) const;
  double TodayAt(double now) const;
  void Charge(double seconds, double now);
};

std::int64_t DayOf(double now);

// The durable account of users/{user}; empty where there is none.
absl::StatusOr<Usage> LoadUsage(Reader& reader, std::string_view user);
absl::Status SaveUsage(Transaction& transaction, std::string_view user, const Usage& usage);

}  // namespace trainyard::server

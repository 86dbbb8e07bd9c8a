#include "server/jobs/usage.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "core/base/text.h"

namespace trainyard::server {
namespace {

constexpr double kDay = 86400;

std::string KeyOf(std::string_view user) { return StrCat("usage/", user); }

}  // namespace

std::int64_t DayOf(double now) { return static_cast<std::int64_t>(std::floor(now / kDay)); }

double Usage::DecayedAt(double now) const {
  return decayed == 0 ? 0 : decayed * std::exp2(-std::max(0.0, now - time) / kHalfLife);
}

double Usage::TodayAt(double now) const { return day == DayOf(now) ? today : 0; }

void Usage::Charge(double seconds, double now) {
  decayed = DecayedAt(now) + seconds;
  today = TodayAt(now) + seconds;
  // Also where the clock has been set back: nothing would be forgotten until it comes
  // there again.
  time = now;
  day = DayOf(now);
}

absl::StatusOr<Usage> LoadUsage(Reader& reader, std::string_view user) {
  auto text = reader.Fact(KeyOf(user));
  if (!text.ok()) return text.status();
  const std::vector<std::string> parts = absl::StrSplit(*text, ' ');
  Usage usage;
  const bool whole = parts.size() == 4 && absl::SimpleAtod(parts[0], &usage.decayed) &&
                     absl::SimpleAtod(parts[1], &usage.time) &&
                     absl::SimpleAtod(parts[2], &usage.today) &&
                     absl::SimpleAtoi(parts[3], &usage.day);
  return whole ? usage : Usage();
}

absl::Status SaveUsage(Transaction& transaction, std::string_view user, const Usage& usage) {
  return transaction.PutFact(KeyOf(user), absl::StrFormat("%.17g %.17g %.17g %d", usage.decayed,
                                                          usage.time, usage.today, usage.day));
}

}  // namespace trainyard::server

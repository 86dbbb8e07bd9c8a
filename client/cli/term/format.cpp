#include "client/cli/term/format.h"

#include <array>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"

namespace trainyard::client {

std::string Thousands(std::int64_t value) {
  const std::string digits = absl::StrCat(value);
  std::string grouped;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    const bool inside = i > 0 && digits[i - 1] != '-';
    if (inside && (digits.size() - i) % 3 == 0) grouped += ',';
    grouped += digits[i];
  }
  return grouped;
}

std::string Number(double value) { return absl::StrFormat("%.6g", value); }

std::string Percent(double share) { return absl::StrFormat("%.2f %%", share * 100); }

std::string Bytes(std::int64_t bytes) {
  static constexpr std::array<const char*, 5> kUnits = {"B", "kB", "MB", "GB", "TB"};
  double amount = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (amount >= 1000 && unit + 1 < kUnits.size()) {
    amount /= 1000;
    ++unit;
  }
  return unit == 0 ? absl::StrCat(bytes, " B") : absl::StrFormat("%.1f %s", amount, kUnits[unit]);
}

std::string Duration(double seconds) {
  if (!std::isfinite(seconds)) return "?";
  if (seconds < 1) return absl::StrFormat("%.3f s", seconds);
  if (seconds < 60) return absl::StrFormat("%.1f s", seconds);
  const auto whole = static_cast<std::int64_t>(seconds + 0.5);
  if (whole < 3600) return absl::StrFormat("%d m %02d s", whole / 60, whole % 60);
  return absl::StrFormat("%d h %02d m", whole / 3600, whole / 60 % 60);
}

std::string WattHours(double joules) {
  const double hours = joules / 3600;
  if (hours < 0.1) return absl::StrFormat("%.4g mWh", hours * 1000);
  return absl::StrFormat("%.4g Wh", hours);
}

std::string LocalSecond(const google::protobuf::Timestamp& time) {
  return absl::FormatTime("%Y-%m-%d %H:%M:%S", absl::FromUnixSeconds(time.seconds()),
                          absl::LocalTimeZone());
}

std::string LocalTime(const google::protobuf::Timestamp& time) {
  if (time.seconds() == 0) return "";
  return absl::FormatTime("%Y-%m-%d %H:%M", absl::FromUnixSeconds(time.seconds()),
                          absl::LocalTimeZone());
}

}  // namespace trainyard::client

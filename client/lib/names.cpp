#include "client/lib/names.h"

#include <algorithm>
#include <random>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"

namespace trainyard::client {

std::string FullName(absl::string_view collection, absl::string_view name_or_id) {
  if (absl::StrContains(name_or_id, '/')) return std::string(name_or_id);
  return absl::StrCat(kMe, "/", collection, "/", name_or_id);
}

std::string EvaluationName(absl::string_view name) {
  const std::vector<std::string> parts = absl::StrSplit(name, '/');
  if (parts.size() == 2) {
    return absl::StrCat(kMe, "/jobs/", parts[0], "/evaluations/", parts[1]);
  }
  if (parts.size() == 4 && parts[0] == "jobs") return absl::StrCat(kMe, "/", name);
  return std::string(name);
}

std::string BareId(absl::string_view name) {
  return std::string(name.substr(name.rfind('/') + 1));  // npos + 1 is 0.
}

std::string NewRequestId() {
  std::random_device entropy;
  const auto draw = [&entropy] { return static_cast<std::uint32_t>(entropy()); };
  const std::uint32_t middle = (draw() & 0xffff0fffu) | 0x00004000u;   // Version 4.
  const std::uint32_t variant = (draw() & 0x3fffffffu) | 0x80000000u;  // RFC 4122.
  return absl::StrFormat("%08x-%04x-%04x-%04x-%04x%08x", draw(), middle >> 16, middle & 0xffffu,
                         variant >> 16, variant & 0xffffu, draw());
}

}  // namespace trainyard::client

// The time of day, as messages carry it.
#pragma once

#include <cstdint>

#include "google/protobuf/timestamp.pb.h"

namespace trainyard::server {

// Now, to the microsecond: protobuf's own GetCurrentTime knows whole seconds only.
google::protobuf::Timestamp Now();
// The same, in microseconds since 1970.
std::int64_t MicrosecondsNow();

}  // namespace trainyard::server

// The time of day, as messages carry it.
#pragma once

#include "google/protobuf/timestamp.pb.h"

namespace trainyard::server {

// Now, to the microsecond: protobuf's own GetCurrentTime knows whole seconds only.
google::protobuf::Timestamp Now();

}  // namespace trainyard::server

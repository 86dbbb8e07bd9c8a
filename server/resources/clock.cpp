#include "server/resources/clock.h"

#include <chrono>

#include "google/protobuf/util/time_util.h"

namespace trainyard::server {

google::protobuf::Timestamp Now() {
  const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
  return google::protobuf::util::TimeUtil::MicrosecondsToTimestamp(
      std::chrono::duration_cast<std::chrono::microseconds>(since_epoch).count());
}

}  // namespace trainyard::server

#include "server/resources/clock.h"

#include <chrono>

#include "google/protobuf/util/time_util.h"

namespace trainyard::server {

google::protobuf::Timestamp Now() {
  const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
  return google::protobuf::util::TimeUtil::MicrosecondsToTimestamp(
      std::chrono::duration_cast<std::chrono::microseconds>(since_epoch).count());
}

std::int64_t MicrosecondsNow() {
  const google::protobuf::Timestamp now = Now();
  return now.seconds() * 1'000'000 + now.nanos() / 1'000;
}

}  // namespace trainyard::server

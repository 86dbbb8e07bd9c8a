// Numbers and times for people.
#pragma once

#include <cstdint>
#include <string>

#include "google/protobuf/timestamp.pb.h"

namespace trainyard::client {

// 494,710
std::string Thousands(std::int64_t value);
// 61.2034; short, large and small numbers as %.6g has them.
std::string Number(double value);
// 97.53 %
std::string Percent(double share);
// 1.9 MB, in powers of 1000.
std::string Bytes(std::int64_t bytes);
// 0.012 s, 4.2 s, 1 m 12 s, 3 h 05 m.
std::string Duration(double seconds);
// 0.7675 Wh, 12.34 mWh.
std::string WattHours(double joules);
// 2026-03-01 14:05:09, local.
std::string LocalSecond(const google::protobuf::Timestamp& time);
// 2026-03-01 14:05, local; empty where it is not set.
std::string LocalTime(const google::protobuf::Timestamp& time);

}  // namespace trainyard::client

// What is logged of calls: who, what, how it ended, and never a secret.
#pragma once

#include <chrono>

#include "absl/status/status.h"
#include "google/protobuf/message.h"
#include "server/resources/names.h"

namespace trainyard::server {

// A line of key=value for a call that has ended: at info where it was to change
// something or was refused for who made it, else at debug. Of the request only
// its name, parent and request_id are told.
void LogCall(const Caller& caller, const google::protobuf::Message& request,
             const absl::Status& status, std::chrono::steady_clock::time_point begun);

}  // namespace trainyard::server
